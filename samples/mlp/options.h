// SPDX-License-Identifier: MIT
// The command line.
#ifndef MLP_OPTIONS_H
#define MLP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "network.h"

typedef struct mlp_options {
    const mlp_norm *norm;
    uint32_t epochs, batch_size;
    double lr;
    uint64_t seed;
    const char *device;     // NULL: vknorm's choice
    const char *data, *csv; // csv may be NULL
    bool json, help;
} mlp_options;

// On a mistake says which on stderr, and returns false.
bool mlp_options_parse(mlp_options *, int argc, char **argv);
void mlp_options_usage(const char *program);

#endif
