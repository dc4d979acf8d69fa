// SPDX-License-Identifier: MIT
// Records from a CSV file, split into those to learn from and those to be tested on.
#ifndef MLP_DATASET_H
#define MLP_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "random.h"

typedef struct mlp_split {
    uint32_t count;
    float *features; // [count][features of the dataset]
    float *labels;   // [count], 0 or 1
} mlp_split;

typedef struct mlp_dataset {
    uint32_t features;
    mlp_split train, test;
} mlp_dataset;

// Reads a header line, then one record a line: numbers, the last one the label, 0 or 1. A fifth of the records, drawn
// by `random`, is for the test. Says on stderr what is wrong with the file, with line and field, and returns false.
bool mlp_dataset_load(mlp_dataset *, const char *path, nn_random *random);
void mlp_dataset_free(mlp_dataset *);

#endif
