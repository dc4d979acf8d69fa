// SPDX-License-Identifier: MIT
// The program: a character-level language model of pre-norm blocks, x + attention(norm(x)) and x + FFN(norm(x)) with
// FFN = Linear - GELU - Linear, between an embedding of characters and positions and norm - Linear.
#ifndef TRANSFORMER_NETWORK_H
#define TRANSFORMER_NETWORK_H

#include "program.h"

extern const training_program transformer_program;

#endif
