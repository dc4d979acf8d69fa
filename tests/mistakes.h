// SPDX-License-Identifier: MIT
// Calls that work, and what each must be refused for once one thing in it is spoilt.
#ifndef TESTS_MISTAKES_H
#define TESTS_MISTAKES_H

#include <stdbool.h>
#include <stddef.h>

#include <vknorm/vknorm.h>

enum { SAMPLES = 4, CHANNELS = 6, SPACE = 5, GROUPS = 2 };

// A call that works as it is; each test spoils one thing.
struct call {
    vkn_norm norm;
    vkn_forward_args f;
    vkn_backward_args b;
};

// Every tensor that a call of the kind may have, also those that it must not.
struct spare {
    vkn_tensor bias, mean, running_mean, running_var;
};
extern struct spare spare;

struct mistake {
    const char *name;
    vkn_kind kind;
    bool backward;
    void (*spoil)(struct call *);
    const char *words;
    vkn_result result;
};
extern struct mistake mistakes[];
extern const size_t mistake_count;

#endif
