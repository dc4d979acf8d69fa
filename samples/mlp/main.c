// SPDX-License-Identifier: MIT
// Trains a small network with a norm on real, unscaled data, and tests it.
#include "session.h"

int main(int argc, char **argv) {
    return mlp_session_run(argc, argv, NULL);
}
