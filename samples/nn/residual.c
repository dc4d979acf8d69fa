// SPDX-License-Identifier: MIT
#include "residual.h"

#include <stdlib.h>

#include "add.h"

typedef struct residual {
    nn_module module;
    nn_module *f;
} residual;

static vkn_tensor residual_forward(nn_module *module, vkn_tensor x) {
    nn_device *device = module->device;
    const vkn_tensor y = nn_module_forward(((residual *)module)->f, x);
    if (!nn_ok(device)) return (vkn_tensor){0};
    const uint64_t count = vkn_tensor_count(&x), y_count = vkn_tensor_count(&y);
    if (y_count != count) {
        nn_fail(device, VKN_BAD_ARGUMENT, "residual: f(x) has %llu elements, x has %llu", (unsigned long long)y_count,
                (unsigned long long)count);
        return (vkn_tensor){0};
    }
    return nn_add(device, &x, &y);
}

// dx = dy + what comes through f
static vkn_tensor residual_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const vkn_tensor df = nn_module_backward(((residual *)module)->f, dy, needs_dx);
    return needs_dx ? nn_add(module->device, &dy, &df) : (vkn_tensor){0};
}

static void residual_children(nn_module *module, nn_child_visit visit, void *user) {
    visit(user, "f", ((residual *)module)->f);
}

static void residual_destroy(nn_module *module) {
    nn_module_destroy(((residual *)module)->f);
    free(module);
}

static const nn_module_ops residual_ops = {.forward = residual_forward,
                                           .backward = residual_backward,
                                           .children = residual_children,
                                           .destroy = residual_destroy};

nn_module *nn_residual_create(nn_device *device, nn_module *f) {
    residual *self = f ? nn_module_allocate(device, &residual_ops, sizeof *self) : NULL;
    if (!self) {
        nn_module_destroy(f);
        return NULL;
    }
    self->f = f;
    return &self->module;
}
