// SPDX-License-Identifier: MIT
// One training, from the command line to the result, alone or as one rank of several.
#ifndef MLP_SESSION_H
#define MLP_SESSION_H

#include <vknorm/vknorm.h>

// The other ranks. All of them run the same command line.
typedef struct mlp_team {
    const vkn_communicator *communicator;
    void (*abandon)(int status); // ends all ranks: one of them has failed, and the others wait for it
} mlp_team;

// What main returns: 0 done, 1 failed, 2 a mistake in the command line. NULL: alone. Only rank 0 says anything, but
// that a rank tells what fails on it and not on all.
int mlp_session_run(int argc, char **argv, const mlp_team *);

#endif
