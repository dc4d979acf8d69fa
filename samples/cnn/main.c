// SPDX-License-Identifier: MIT
// Trains a convolutional network with a norm on images, and tests it.
#include "cnn.h"
#include "session.h"

int main(int argc, char **argv) {
    return training_session_run(&cnn_program, argc, argv, NULL);
}
