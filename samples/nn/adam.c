// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "adam.spv.h"
#include "adam_advance.spv.h"
#include "kernel.h"
#include "optimizer.h"
#include "shaders/push.h"

static const nn_kernel adam_kernel = NN_KERNEL(adam, 5, nn_adam_push);
static const nn_kernel adam_advance_kernel = NN_KERNEL(adam_advance, 1, nn_adam_push);

typedef struct adam {
    nn_optimizer optimizer;
    nn_adam_info info;
    vkn_tensor correction; // {1 - beta1^t, 1 - beta2^t} after t steps
    vkn_tensor *m, *v;     // of each parameter
} adam;

static void adam_step(nn_optimizer *optimizer) {
    const adam *self = (adam *)optimizer;
    const nn_adam_info *info = &self->info;
    nn_adam_push push = {.lr = (float)info->lr,
                         .eps = (float)info->eps,
                         .beta1 = (float)info->beta1,
                         .beta2 = (float)info->beta2,
                         .one_minus_beta1 = (float)(1 - info->beta1), // of the double: 1 - 0.999f has lost digits
                         .one_minus_beta2 = (float)(1 - info->beta2),
                         .decay = (float)(info->lr * info->weight_decay)};
    nn_dispatch(optimizer->device, &adam_advance_kernel, &self->correction, &push, 1, 1);
    for (size_t i = 0; i < optimizer->count; i++) {
        const nn_parameter *parameter = &optimizer->parameters[i];
        const uint64_t count = vkn_tensor_count(&parameter->value);
        const vkn_tensor tensors[] = {parameter->value, parameter->grad, self->m[i], self->v[i], self->correction};
        push.count = (uint32_t)count;
        nn_dispatch_elements(optimizer->device, &adam_kernel, tensors, &push, count);
    }
}

static void adam_destroy(nn_optimizer *optimizer) {
    const adam *self = (adam *)optimizer;
    free(self->m);
    free(self->v);
}

static const nn_optimizer_ops adam_ops = {.step = adam_step, .destroy = adam_destroy};

nn_adam_info nn_adam_defaults(void) {
    return (nn_adam_info){.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
}

nn_optimizer *nn_adam_create(nn_module *module, const nn_adam_info *info) {
    adam *self = nn_optimizer_allocate(module, &adam_ops, sizeof *self);
    if (!self) return NULL;
    nn_device *device = module->device;
    self->info = *info;
    self->m = nn_optimizer_zeros(&self->optimizer);
    self->v = nn_optimizer_zeros(&self->optimizer);
    if (!self->m || !self->v) {
        nn_optimizer_destroy(&self->optimizer);
        return NULL;
    }
    self->correction = nn_vector(device, NN_FOREVER, VKN_F32, 2);
    nn_zero(device, &self->correction);
    return &self->optimizer;
}
