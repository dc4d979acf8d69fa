// SPDX-License-Identifier: MIT
#include "batch_norm.h"

#include <math.h>

// y = (x - mean) / sqrt(var + eps) * weight + bias. In training mean and var are the batch's, and the running ones
// follow them; in eval they are the running ones. The variance is the biased one, a mean of squares, in both places.
void batch_norm_forward(batch_norm *bn, bool training, uint32_t count, const float *x, float *y) {
    const uint32_t features = bn->features;
    for (uint32_t c = 0; c < features; c++) {
        double mean = (double)bn->running_mean[c], var = (double)bn->running_var[c];
        if (training) {
            mean = var = 0;
            for (uint32_t n = 0; n < count; n++)
                mean += (double)x[n * features + c] / count;
            for (uint32_t n = 0; n < count; n++)
                var += ((double)x[n * features + c] - mean) * ((double)x[n * features + c] - mean) / count;
            bn->running_mean[c] += bn->momentum * ((float)mean - bn->running_mean[c]);
            bn->running_var[c] += bn->momentum * ((float)var - bn->running_var[c]);
        }
        const double rstd = 1 / sqrt(var + (double)bn->eps);
        for (uint32_t n = 0; n < count; n++)
            y[n * features + c] = (float)(((double)x[n * features + c] - mean) * rstd) * bn->weight[c] + bn->bias[c];
    }
}
