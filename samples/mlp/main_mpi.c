// SPDX-License-Identifier: MIT
// The same training, data-parallel: under mpirun each rank takes its rows of each batch, on its own device.
#include <vknorm/vknorm_mpi.h>

#include "session.h"

static void abandon(int status) {
    MPI_Abort(MPI_COMM_WORLD, status);
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm comm = MPI_COMM_WORLD;
    const vkn_communicator communicator = vkn_mpi_communicator(&comm);
    const int status = mlp_session_run(argc, argv, &(mlp_team){&communicator, abandon});
    MPI_Finalize();
    return status;
}
