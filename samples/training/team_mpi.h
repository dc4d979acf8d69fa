// SPDX-License-Identifier: MIT
// A training under mpirun: each rank takes its records of each batch, on its own device.
#ifndef TRAINING_TEAM_MPI_H
#define TRAINING_TEAM_MPI_H

#include "program.h"

// What main returns.
int training_mpi_run(const training_program *, int argc, char **argv);

#endif
