// SPDX-License-Identifier: MIT
#include "last_step.h"

#include <stdlib.h>

#include "kernel.h"
#include "last_step.spv.h"
#include "last_step_grad.spv.h"
#include "shaders/push.h"

static const nn_kernel last_step_kernel = NN_KERNEL(last_step, 2, nn_last_step_push);
static const nn_kernel last_step_grad_kernel = NN_KERNEL(last_step_grad, 2, nn_last_step_push);

typedef struct last_step {
    nn_module module;
    vkn_tensor x; // of the last forward
} last_step;

static nn_last_step_push push_of(const vkn_tensor *x) {
    return (nn_last_step_push){(uint32_t)vkn_tensor_count(x), x->shape[1], x->shape[2]};
}

static vkn_tensor last_step_forward(nn_module *module, vkn_tensor x) {
    last_step *self = (last_step *)module;
    nn_device *device = module->device;
    if (x.rank != 3 || x.shape[1] == 0) {
        nn_fail(device, VKN_BAD_ARGUMENT, "last step: x has rank %u and %u steps, expected rank 3 and 1 or more",
                x.rank, x.rank > 1 ? x.shape[1] : 0);
        return (vkn_tensor){0};
    }
    const vkn_tensor y = nn_matrix(device, NN_STEP, x.shape[0], x.shape[2]);
    nn_last_step_push push = push_of(&x);
    push.count /= push.steps;
    nn_dispatch_elements(device, &last_step_kernel, (const vkn_tensor[]){x, y}, &push, push.count);
    self->x = x;
    return y;
}

static vkn_tensor last_step_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const last_step *self = (last_step *)module;
    nn_device *device = module->device;
    if (!needs_dx) return (vkn_tensor){0};
    const nn_last_step_push push = push_of(&self->x);
    const uint64_t dy_count = vkn_tensor_count(&dy);
    if (dy_count != push.count / push.steps) {
        nn_fail(device, VKN_BAD_ARGUMENT, "last step: dy has %llu elements, y has %u", (unsigned long long)dy_count,
                push.count / push.steps);
        return (vkn_tensor){0};
    }
    const vkn_tensor dx = nn_tensor_like(device, &self->x);
    nn_dispatch_elements(device, &last_step_grad_kernel, (const vkn_tensor[]){dy, dx}, &push, push.count);
    return dx;
}

static void last_step_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops last_step_ops = {
    .forward = last_step_forward, .backward = last_step_backward, .destroy = last_step_destroy};

nn_module *nn_last_step_create(nn_device *device) {
    last_step *self = nn_module_allocate(device, &last_step_ops, sizeof *self);
    return self ? &self->module : NULL;
}
