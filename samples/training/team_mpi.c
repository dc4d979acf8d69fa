// SPDX-License-Identifier: MIT
#include "team_mpi.h"

#include <vknorm/vknorm_mpi.h>

#include "session.h"

static void abandon(int status) {
    MPI_Abort(MPI_COMM_WORLD, status);
}

int training_mpi_run(const training_program *program, int argc, char **argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm comm = MPI_COMM_WORLD;
    const vkn_communicator communicator = vkn_mpi_communicator(&comm);
    const int status = training_session_run(program, argc, argv, &(training_team){&communicator, abandon});
    MPI_Finalize();
    return status;
}
