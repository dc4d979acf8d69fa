// SPDX-License-Identifier: MIT
// Handwritten digits: a CSV file of 8 x 8 pixels from 0 to 16, row by row, and the digit.
#ifndef TRAINING_DIGITS_H
#define TRAINING_DIGITS_H

#include "records.h"

typedef struct training_digits_info {
    const char *path;
    uint32_t size;           // pixels of a side, 8 or more: bilinear between those of the file
    uint32_t channels;       // equal ones: records are [channels, size, size]; 0: [size, size]
    uint32_t first, classes; // the digits first to first + classes - 1 alone, as the labels 0 to classes - 1; 0: all
} training_digits_info;

// Pixels become -1 to 1. A fifth of the records, drawn by `random`, is for the test. NULL after a failure, which it has
// told.
training_records *training_digits_load(const training_digits_info *, nn_random *);

#endif
