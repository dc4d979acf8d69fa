// SPDX-License-Identifier: MIT
// A seeded generator (SplitMix64, Steele et al. 2014): the same numbers on every machine, but for what its
// libm does to the last bit of normal ones.
#ifndef NN_RANDOM_H
#define NN_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct nn_random {
    uint64_t state; // the seed, at first
} nn_random;

uint64_t nn_random_next(nn_random *);
uint64_t nn_random_below(nn_random *, uint64_t bound);                // uniform in 0 .. bound - 1; bound > 0
float nn_random_uniform(nn_random *, float low, float high);          // uniform in [low, high]
float nn_random_normal(nn_random *);                                  // of mean 0 and deviation 1
void nn_random_shuffle(nn_random *, int64_t *values, uint32_t count); // every order equally likely

#endif
