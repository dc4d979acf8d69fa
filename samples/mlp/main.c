// SPDX-License-Identifier: MIT
// Trains a small network with a norm on real, unscaled data, and tests it.
#include "network.h"
#include "session.h"

int main(int argc, char **argv) {
    return training_session_run(&mlp_program, argc, argv, NULL);
}
