// SPDX-License-Identifier: MIT
// The program: LSTM(8, 64) - norm over the outputs - the last step's - Linear(64, 10), which reads handwritten digits
// row by row, 8 steps of 8 pixels.
#ifndef RNN_NETWORK_H
#define RNN_NETWORK_H

#include "program.h"

extern const training_program rnn_program;

#endif
