// SPDX-License-Identifier: MIT
#include "differences.h"

#include "fixture.h"

void check_differences(const difference_check *check, double *values, size_t count, const float *grad,
                       const char *what) {
    for (size_t i = 0; i < count; i++) {
        const double value = values[i];
        values[i] = value + check->h;
        const double above = check->f(check->user);
        values[i] = value - check->h;
        const double below = check->f(check->user);
        values[i] = value;
        assert_near((double)grad[i], (above - below) / (2 * check->h), check->tolerance, what, i);
    }
}
