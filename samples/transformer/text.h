// SPDX-License-Identifier: MIT
// A text as data: records are windows of characters, to train on from its beginning, to test on from its last tenth.
#ifndef TRANSFORMER_TEXT_H
#define TRANSFORMER_TEXT_H

#include "data.h"

typedef struct text {
    training_data data;
    uint32_t context;                           // characters of a window; a target is the character behind each
    uint32_t characters;                        // different ones, in the whole text: tokens are 0 to characters - 1
    uint32_t lengths[TRAINING_SPLIT_COUNT];     // in characters
    int64_t *tokens[TRAINING_SPLIT_COUNT];      // on the host
    vkn_tensor on_device[TRAINING_SPLIT_COUNT]; // the same
} text;

// Windows to train on begin anywhere, and an epoch has as many as lie side by side; those to test on lie side by side.
// NULL after a failure, which it has told.
text *text_load(const char *path, uint32_t context);

#endif
