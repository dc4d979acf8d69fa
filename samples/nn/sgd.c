// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "kernel.h"
#include "optimizer.h"
#include "sgd.spv.h"
#include "shaders/push.h"

static const nn_kernel sgd_kernel = NN_KERNEL(sgd, 3, nn_sgd_push);

typedef struct sgd {
    nn_optimizer optimizer;
    nn_sgd_info info;
    vkn_tensor *velocity; // of each parameter
} sgd;

static void sgd_step(nn_optimizer *optimizer) {
    const sgd *self = (sgd *)optimizer;
    nn_sgd_push push = {.lr = (float)self->info.lr,
                        .momentum = (float)self->info.momentum,
                        .weight_decay = (float)self->info.weight_decay};
    for (size_t i = 0; i < optimizer->count; i++) {
        const nn_parameter *parameter = &optimizer->parameters[i];
        const uint64_t count = vkn_tensor_count(&parameter->value);
        push.count = (uint32_t)count;
        nn_dispatch_elements(optimizer->device, &sgd_kernel,
                             (const vkn_tensor[]){parameter->value, parameter->grad, self->velocity[i]}, &push, count);
    }
}

static void sgd_destroy(nn_optimizer *optimizer) {
    free(((sgd *)optimizer)->velocity);
}

static const nn_optimizer_ops sgd_ops = {.step = sgd_step, .destroy = sgd_destroy};

nn_optimizer *nn_sgd_create(nn_module *module, const nn_sgd_info *info) {
    sgd *self = nn_optimizer_allocate(module, &sgd_ops, sizeof *self);
    if (!self) return NULL;
    self->info = *info;
    self->velocity = nn_optimizer_zeros(&self->optimizer);
    if (!self->velocity) {
        nn_optimizer_destroy(&self->optimizer);
        return NULL;
    }
    return &self->optimizer;
}
