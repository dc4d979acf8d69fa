// SPDX-License-Identifier: MIT
// The network: Linear(features, 64) - norm - ReLU - Linear(64, 32) - norm - ReLU - Linear(32, 1).
#ifndef MLP_NETWORK_H
#define MLP_NETWORK_H

#include "module.h"
#include "random.h"

typedef struct mlp_norm {
    const char *name;
    vkn_kind kind; // 0: no norm
} mlp_norm;

#define MLP_NORM_NAMES "batch, layer, group, rms, none"
const mlp_norm *mlp_norm_find(const char *name); // NULL: there is none of that name

// NULL after a failure, which the device knows.
nn_module *mlp_network_create(nn_device *, const mlp_norm *, uint32_t features, nn_random *);

#endif
