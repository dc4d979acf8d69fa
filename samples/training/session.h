// SPDX-License-Identifier: MIT
// One training, from the command line to the result, alone or as one rank of several.
#ifndef TRAINING_SESSION_H
#define TRAINING_SESSION_H

#include "program.h"

// The other ranks. All of them run the same command line.
typedef struct training_team {
    const vkn_communicator *communicator;
    void (*abandon)(int status); // ends all ranks: one of them has failed, and the others wait for it
} training_team;

// What main returns: 0 done, 1 failed, 2 a mistake in the command line. NULL: alone. Only rank 0 says anything, but
// that a rank tells what fails on it and not on all.
int training_session_run(const training_program *, int argc, char **argv, const training_team *);

#endif
