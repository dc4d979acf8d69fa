// SPDX-License-Identifier: MIT
// Batch norm by hand.
#ifndef BATCH_NORM_H
#define BATCH_NORM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct batch_norm {
    uint32_t features;
    float momentum, eps;
    float *weight, *bias, *running_mean, *running_var; // [features]
} batch_norm;

// x and y are [count][features].
void batch_norm_forward(batch_norm *, bool training, uint32_t count, const float *x, float *y);

#endif
