// SPDX-License-Identifier: MIT
#include "activation.h"

#include <stdlib.h>

#include "gelu.spv.h"
#include "gelu_grad.spv.h"
#include "kernel.h"
#include "relu.spv.h"
#include "relu_grad.spv.h"
#include "shaders/push.h"

// kernel: x to y; grad_kernel: x and dy to dx
typedef struct activation_kind {
    nn_kernel kernel, grad_kernel;
} activation_kind;

static const activation_kind relu = {NN_KERNEL(relu, 2, nn_map_push), NN_KERNEL(relu_grad, 3, nn_map_push)};
static const activation_kind gelu = {NN_KERNEL(gelu, 2, nn_map_push), NN_KERNEL(gelu_grad, 3, nn_map_push)};

typedef struct activation {
    nn_module module;
    const activation_kind *kind;
    vkn_tensor x; // of the last forward
} activation;

static vkn_tensor activation_forward(nn_module *module, vkn_tensor x) {
    activation *self = (activation *)module;
    const vkn_tensor y = nn_tensor_like(module->device, &x);
    const uint64_t count = vkn_tensor_count(&x);
    const nn_map_push push = {(uint32_t)count};
    nn_dispatch_elements(module->device, &self->kind->kernel, (const vkn_tensor[]){x, y}, &push, count);
    self->x = x;
    return y;
}

static vkn_tensor activation_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const activation *self = (activation *)module;
    if (!needs_dx) return (vkn_tensor){0};
    const uint64_t count = vkn_tensor_count(&self->x), dy_count = vkn_tensor_count(&dy);
    if (dy_count != count) {
        nn_fail(module->device, VKN_BAD_ARGUMENT, "activation: dy has %llu elements, x has %llu",
                (unsigned long long)dy_count, (unsigned long long)count);
        return (vkn_tensor){0};
    }
    const vkn_tensor dx = nn_tensor_like(module->device, &dy);
    const nn_map_push push = {(uint32_t)count};
    nn_dispatch_elements(module->device, &self->kind->grad_kernel, (const vkn_tensor[]){self->x, dy, dx}, &push, count);
    return dx;
}

static void activation_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops activation_ops = {
    .forward = activation_forward, .backward = activation_backward, .destroy = activation_destroy};

static nn_module *create(nn_device *device, const activation_kind *kind) {
    activation *self = nn_module_allocate(device, &activation_ops, sizeof *self);
    if (!self) return NULL;
    self->kind = kind;
    return &self->module;
}

nn_module *nn_relu_create(nn_device *device) {
    return create(device, &relu);
}

nn_module *nn_gelu_create(nn_device *device) {
    return create(device, &gelu);
}
