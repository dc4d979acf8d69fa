// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "add.h"
#include "column_sum.h"
#include "embedding.h"
#include "parameter.h"

typedef struct positions {
    nn_module module;
    uint32_t context, width;
    nn_parameter weight;
} positions;

static uint32_t length_of(const vkn_tensor *x) {
    return x->rank >= 2 ? x->shape[x->rank - 2] : 0;
}

static vkn_tensor positions_forward(nn_module *module, vkn_tensor x) {
    const positions *self = (positions *)module;
    nn_device *device = module->device;
    const uint32_t width = x.rank > 0 ? x.shape[x.rank - 1] : 0;
    if (x.rank < 2 || width != self->width || length_of(&x) > self->context) {
        nn_fail(device, VKN_BAD_ARGUMENT,
                "positions: x has rank %u, length %u and width %u, expected rank 2 or more, at most %u and %u", x.rank,
                length_of(&x), width, self->context, self->width);
        return (vkn_tensor){0};
    }
    const vkn_tensor weight = nn_rows(device, &self->weight.value, 0, length_of(&x));
    return nn_add(device, &x, &weight);
}

// dweight = the sum over all sequences of dy, and zero behind their end; dx = dy
static vkn_tensor positions_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const positions *self = (positions *)module;
    nn_device *device = module->device;
    if (!module->frozen) {
        const uint32_t length = length_of(&dy), columns = length * self->width, rest = self->context - length;
        const uint32_t sequences = columns ? (uint32_t)(vkn_tensor_count(&dy) / columns) : 0;
        const vkn_tensor rows = nn_reshape(device, &dy, 2, (const uint32_t[]){sequences, columns});
        const vkn_tensor used = nn_rows(device, &self->weight.grad, 0, length);
        const vkn_tensor unused = nn_rows(device, &self->weight.grad, length, rest);
        const vkn_tensor none = nn_matrix(device, NN_STEP, 0, rest * self->width);
        nn_column_sum(device, &rows, &used);
        nn_column_sum(device, &none, &unused);
    }
    return needs_dx ? dy : (vkn_tensor){0};
}

static void positions_state(nn_module *module, nn_parameter_visit visit, void *user) {
    visit(user, "weight", &((positions *)module)->weight);
}

static void positions_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops positions_ops = {.forward = positions_forward,
                                            .backward = positions_backward,
                                            .state = positions_state,
                                            .destroy = positions_destroy};

nn_module *nn_positions_create(nn_device *device, uint32_t context, uint32_t width, nn_random *random) {
    positions *self = nn_module_allocate(device, &positions_ops, sizeof *self);
    if (!self) return NULL;
    self->context = context;
    self->width = width;
    self->weight = nn_parameter_normal(device, 2, (const uint32_t[]){context, width}, random);
    return &self->module;
}
