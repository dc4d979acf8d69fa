// SPDX-License-Identifier: MIT
// Trains a small causal transformer to guess the next character of a text.
#include "network.h"
#include "session.h"

int main(int argc, char **argv) {
    return training_session_run(&transformer_program, argc, argv, NULL);
}
