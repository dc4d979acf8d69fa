// SPDX-License-Identifier: MIT
#include "gather.h"
#include <limits.h>

static void place(void *user, uint32_t *rank, uint32_t *ranks) {
    const MPI_Comm *comm = user;
    int mine = 0, size = 0; // what is left where MPI fails, which the layer refuses
    MPI_Comm_rank(*comm, &mine);
    MPI_Comm_size(*comm, &size);
    *rank = (uint32_t)mine;
    *ranks = (uint32_t)size;
}

static int all_gather(void *user, const void *mine, void *all, size_t bytes) {
    const MPI_Comm *comm = user;
    return vkn_mpi_gather(*comm, mine, all, bytes, INT_MAX);
}

vkn_communicator vkn_mpi_communicator(MPI_Comm *comm) {
    return (vkn_communicator){.place = place, .all_gather = all_gather, .user = comm};
}
