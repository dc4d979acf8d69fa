// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "pool.h"

typedef struct flatten {
    nn_module module;
    vkn_tensor x; // of the last forward
} flatten;

static vkn_tensor flatten_forward(nn_module *module, vkn_tensor x) {
    uint32_t columns = 1;
    for (uint32_t i = 1; i < x.rank; i++)
        columns *= x.shape[i];
    ((flatten *)module)->x = x;
    return nn_reshape(module->device, &x, 2, (const uint32_t[]){x.shape[0], columns});
}

static vkn_tensor flatten_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const vkn_tensor *x = &((flatten *)module)->x;
    return needs_dx ? nn_reshape(module->device, &dy, x->rank, x->shape) : (vkn_tensor){0};
}

static void flatten_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops flatten_ops = {
    .forward = flatten_forward, .backward = flatten_backward, .destroy = flatten_destroy};

nn_module *nn_flatten_create(nn_device *device) {
    return nn_module_allocate(device, &flatten_ops, sizeof(flatten));
}
