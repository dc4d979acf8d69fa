// SPDX-License-Identifier: MIT
// The same training, data-parallel under mpirun.
#include "cnn.h"
#include "team_mpi.h"

int main(int argc, char **argv) {
    return training_mpi_run(&cnn_program, argc, argv);
}
