// SPDX-License-Identifier: MIT
// The program: Linear(30, 64) - norm - ReLU - Linear(64, 32) - norm - ReLU - Linear(32, 1), which tells malignant
// tumours from benign ones by real, unscaled data.
#ifndef MLP_NETWORK_H
#define MLP_NETWORK_H

#include "program.h"

extern const training_program mlp_program;

#endif
