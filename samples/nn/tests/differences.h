// SPDX-License-Identifier: MIT
// Gradients against central finite differences of a double-precision reference.
#ifndef NN_DIFFERENCES_H
#define NN_DIFFERENCES_H

#include <stddef.h>

typedef double (*scalar_function)(const void *user);

// For each of `count` values that `f` looks at: |grad - (f(value + h) - f(value - h)) / 2h| <= tolerance.
typedef struct difference_check {
    scalar_function f;
    const void *user;
    double h, tolerance;
} difference_check;
void check_differences(const difference_check *, double *values, size_t count, const float *grad, const char *what);

#endif
