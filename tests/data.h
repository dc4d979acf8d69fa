// SPDX-License-Identifier: MIT
// Repeatable random numbers, and the kinds of data that norms are tried on.
#ifndef TESTS_DATA_H
#define TESTS_DATA_H

#include <stdint.h>

#include "reference.h"

// A value of N(0, 1) that depends on seed and index alone.
double data_normal(uint64_t seed, uint64_t index);

enum data_kind {
    DATA_NORMAL,    // mean 0.3, deviation 1
    DATA_FAR,       // mean 1e4, deviation 1
    DATA_OUTLIER,   // as normal, and the first element of each statistic group is 1e4
    DATA_CONSTANT,  // one value everywhere that f32 rounds
    DATA_TINY,      // deviation 1e-15; f16: 1e-6, among its subnormal numbers
    DATA_NONFINITE, // as normal, with one NaN and, in the last group, one infinity
    DATA_BIG,       // mean 5e4, deviation 8e3, at most 65504 and often that: the largest f16
};
double data_mean(enum data_kind, vkn_dtype);
double data_deviation(enum data_kind, vkn_dtype);
// All values are such as the dtype has.
void data_fill(enum data_kind, vkn_dtype, uint64_t seed, const struct reference *, float *x);
void data_round(vkn_dtype, uint64_t count, float *values);
// A gradient that is correlated with x and has a mean, so that every term of the formulas counts.
void data_fill_gradient(uint64_t seed, uint64_t count, float *dy);
// offset + scale * N(0, 1)
void data_fill_parameter(uint64_t seed, uint64_t count, double offset, double scale, float *out);
// variances about `scale`, never below a fifth of it
void data_fill_variance(uint64_t seed, uint64_t count, double scale, float *out);

#endif
