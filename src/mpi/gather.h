// SPDX-License-Identifier: MIT
// MPI_Allgather of more bytes than MPI counts.
#ifndef VKN_MPI_GATHER_H
#define VKN_MPI_GATHER_H
#include <vknorm/vknorm_mpi.h>

// As vkn_communicator.all_gather, in pieces of at most `most` > 0 bytes of each rank. Returns MPI's error code.
int vkn_mpi_gather(MPI_Comm, const void *mine, void *all, size_t bytes, int most);

#endif
