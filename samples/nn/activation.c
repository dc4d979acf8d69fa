// SPDX-License-Identifier: MIT
#include "activation.h"

#include <stdlib.h>

#include "kernel.h"
#include "relu.spv.h"
#include "relu_grad.spv.h"
#include "shaders/push.h"

static const nn_kernel relu_kernel = NN_KERNEL(relu, 2, nn_map_push);
static const nn_kernel relu_grad_kernel = NN_KERNEL(relu_grad, 3, nn_map_push);

typedef struct activation {
    nn_module module;
    const nn_kernel *kernel, *grad_kernel;
    vkn_tensor y; // of the last forward
} activation;

static vkn_tensor activation_forward(nn_module *module, vkn_tensor x) {
    activation *self = (activation *)module;
    const vkn_tensor y = nn_tensor_like(module->device, &x);
    const uint64_t count = vkn_tensor_count(&x);
    const nn_map_push push = {(uint32_t)count};
    nn_dispatch_elements(module->device, self->kernel, (const vkn_tensor[]){x, y}, &push, count);
    self->y = y;
    return y;
}

static vkn_tensor activation_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const activation *self = (activation *)module;
    if (!needs_dx) return (vkn_tensor){0};
    const uint64_t count = vkn_tensor_count(&self->y), dy_count = vkn_tensor_count(&dy);
    if (dy_count != count) {
        nn_fail(module->device, VKN_BAD_ARGUMENT, "activation: dy has %llu elements, y has %llu",
                (unsigned long long)dy_count, (unsigned long long)count);
        return (vkn_tensor){0};
    }
    const vkn_tensor dx = nn_tensor_like(module->device, &dy);
    const nn_map_push push = {(uint32_t)count};
    nn_dispatch_elements(module->device, self->grad_kernel, (const vkn_tensor[]){self->y, dy, dx}, &push, count);
    return dx;
}

static void activation_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops activation_ops = {
    .forward = activation_forward, .backward = activation_backward, .destroy = activation_destroy};

nn_module *nn_relu_create(nn_device *device) {
    activation *self = nn_module_allocate(device, &activation_ops, sizeof *self);
    if (!self) return NULL;
    self->kernel = &relu_kernel;
    self->grad_kernel = &relu_grad_kernel;
    return &self->module;
}
