// SPDX-License-Identifier: MIT
#include "random.h"

#include <math.h>

uint64_t nn_random_next(nn_random *random) {
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t nn_random_below(nn_random *random, uint64_t bound) {
    const uint64_t excess = (UINT64_MAX % bound + 1) % bound; // 2^64 mod bound: a remainder would favour small values
    uint64_t value;
    do
        value = nn_random_next(random);
    while (value > UINT64_MAX - excess);
    return value % bound;
}

float nn_random_uniform(nn_random *random, float low, float high) {
    const double unit = (double)(nn_random_next(random) >> 11) * 0x1p-53;
    return (float)(low + ((double)high - (double)low) * unit);
}

// Box & Muller 1958
float nn_random_normal(nn_random *random) {
    const double radius_unit = (double)((nn_random_next(random) >> 11) + 1) * 0x1p-53; // in (0, 1]: has a logarithm
    const double angle_unit = (double)(nn_random_next(random) >> 11) * 0x1p-53;
    return (float)(sqrt(-2 * log(radius_unit)) * cos(2 * acos(-1) * angle_unit));
}

void nn_random_shuffle(nn_random *random, int64_t *values, uint32_t count) {
    for (uint32_t i = count; i > 1; i--) {
        const uint64_t j = nn_random_below(random, i);
        const int64_t value = values[j];
        values[j] = values[i - 1];
        values[i - 1] = value;
    }
}
