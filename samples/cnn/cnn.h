// SPDX-License-Identifier: MIT
#ifndef CNN_PROGRAM_H
#define CNN_PROGRAM_H

#include "program.h"

extern const training_program cnn_program;

#endif
