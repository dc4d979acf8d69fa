// SPDX-License-Identifier: MIT
// Calls that are right, and what each must be refused for once something in it is spoilt.
#ifndef TESTS_MISTAKES_H
#define TESTS_MISTAKES_H

#include "call.h"

struct mistake {
    vkn_kind kind;
    enum function function;
    struct change right[MOST_CHANGES];  // makes of the call the one that is meant; it is still right
    struct change spoilt[MOST_CHANGES]; // and no longer after these
    const char *message;                // the whole of it
};
extern struct mistake mistakes[];
extern const size_t mistake_count;

// Calls that look like a mistake and are none; `message` says how.
extern struct mistake oddities[];
extern const size_t oddity_count;

#endif
