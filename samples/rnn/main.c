// SPDX-License-Identifier: MIT
// Trains a recurrent network with a norm over its outputs to read digits row by row, and tests it.
#include "network.h"
#include "session.h"

int main(int argc, char **argv) {
    return training_session_run(&rnn_program, argc, argv, NULL);
}
