// SPDX-License-Identifier: MIT
#include "dropout.h"

#include <stdlib.h>

#include "dropout.spv.h"
#include "dropout_advance.spv.h"
#include "kernel.h"
#include "shaders/push.h"

static const nn_kernel dropout_kernel = NN_KERNEL(dropout, 3, nn_dropout_push);
static const nn_kernel dropout_advance_kernel = NN_KERNEL(dropout_advance, 1, nn_dropout_push);

typedef struct dropout {
    nn_module module;
    double p;
    uint64_t seed;
    uint32_t rank;
    bool training;
    bool dropped;    // in the last forward
    vkn_tensor step; // forward passes in training so far: on the device
} dropout;

static nn_dropout_push make_push(const dropout *self, uint64_t count) {
    // A word of random bits is below the threshold with probability p; with p = 1 the scale makes up for the last one.
    const double threshold = self->p * 0x1p32;
    return (nn_dropout_push){.count = (uint32_t)count,
                             .threshold = threshold < (double)UINT32_MAX ? (uint32_t)threshold : UINT32_MAX,
                             .scale = self->p < 1 ? (float)(1 / (1 - self->p)) : 0.0f,
                             .seed_low = (uint32_t)self->seed,
                             .seed_high = (uint32_t)(self->seed >> 32),
                             .rank = self->rank};
}

static vkn_tensor mask(const dropout *self, const vkn_tensor *x) {
    nn_device *device = self->module.device;
    const vkn_tensor y = nn_tensor_like(device, x);
    const uint64_t count = vkn_tensor_count(x);
    const nn_dropout_push push = make_push(self, count);
    nn_dispatch_elements(device, &dropout_kernel, (const vkn_tensor[]){*x, y, self->step}, &push, (count + 3) / 4);
    return y;
}

static vkn_tensor dropout_forward(nn_module *module, vkn_tensor x) {
    dropout *self = (dropout *)module;
    self->dropped = self->training && self->p > 0;
    if (!self->dropped) return x;
    const nn_dropout_push push = make_push(self, 0);
    nn_dispatch(module->device, &dropout_advance_kernel, &self->step, &push, 1, 1);
    return mask(self, &x);
}

// dx = dy * mask
static vkn_tensor dropout_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const dropout *self = (dropout *)module;
    if (!needs_dx) return (vkn_tensor){0};
    return self->dropped ? mask(self, &dy) : dy;
}

static void dropout_train(nn_module *module, bool training) {
    ((dropout *)module)->training = training;
}

// Ranks have different rows, so they need different masks.
static void dropout_synchronize(nn_module *module, const vkn_communicator *communicator) {
    uint32_t rank = 0, ranks = 1;
    if (communicator) communicator->place(communicator->user, &rank, &ranks);
    ((dropout *)module)->rank = rank;
}

static void dropout_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops dropout_ops = {.forward = dropout_forward,
                                          .backward = dropout_backward,
                                          .train = dropout_train,
                                          .synchronize = dropout_synchronize,
                                          .destroy = dropout_destroy};

nn_module *nn_dropout_create(nn_device *device, double p, nn_random *random) {
    if (!(p >= 0 && p <= 1)) {
        nn_fail(device, VKN_BAD_ARGUMENT, "dropout probability has to be between 0 and 1, but got %g", p);
        return NULL;
    }
    dropout *self = nn_module_allocate(device, &dropout_ops, sizeof *self);
    if (!self) return NULL;
    self->p = p;
    self->seed = nn_random_next(random);
    self->training = true;
    self->step = nn_vector(device, NN_FOREVER, VKN_I64, 1);
    nn_zero(device, &self->step);
    return &self->module;
}
