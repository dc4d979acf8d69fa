// SPDX-License-Identifier: MIT
// The same training, data-parallel under mpirun.
#include "network.h"
#include "team_mpi.h"

int main(int argc, char **argv) {
    return training_mpi_run(&mlp_program, argc, argv);
}
