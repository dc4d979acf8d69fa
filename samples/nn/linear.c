// SPDX-License-Identifier: MIT
#include "linear.h"

#include <math.h>
#include <stdlib.h>

#include "column_sum.h"
#include "matmul.h"
#include "parameter.h"

typedef struct linear {
    nn_module module;
    uint32_t in, out;
    nn_parameter weight, bias;
    vkn_tensor x; // of the last forward, as a matrix
} linear;

static vkn_tensor linear_forward(nn_module *module, vkn_tensor x) {
    linear *self = (linear *)module;
    nn_device *device = module->device;
    if (x.rank < 2 || x.shape[x.rank - 1] != self->in) {
        nn_fail(device, VKN_BAD_ARGUMENT, "linear: x has rank %u and %u features, expected rank 2 or more and %u",
                x.rank, x.rank > 0 ? x.shape[x.rank - 1] : 0, self->in);
        return (vkn_tensor){0};
    }
    vkn_tensor y = x;
    y.shape[y.rank - 1] = self->out;
    y = nn_tensor_create(device, NN_STEP, VKN_F32, y.rank, y.shape);
    self->x = nn_as_matrix(device, &x);
    nn_matmul(device, &(nn_matmul_args){.a = self->x,
                                        .b = self->weight.value,
                                        .transpose_b = true,
                                        .bias = self->bias.value,
                                        .c = nn_as_matrix(device, &y)});
    return y;
}

// dweight = dy^T x,  dbias = the column sums of dy,  dx = dy weight
static vkn_tensor linear_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    linear *self = (linear *)module;
    nn_device *device = module->device;
    const vkn_tensor rows = nn_as_matrix(device, &dy);
    if (!module->frozen) {
        nn_matmul(device, &(nn_matmul_args){.a = rows, .transpose_a = true, .b = self->x, .c = self->weight.grad});
        nn_column_sum(device, &rows, &self->bias.grad);
    }
    if (!needs_dx) return (vkn_tensor){0};
    vkn_tensor dx = dy;
    dx.shape[dx.rank - 1] = self->in;
    dx = nn_tensor_create(device, NN_STEP, VKN_F32, dx.rank, dx.shape);
    nn_matmul(device, &(nn_matmul_args){.a = rows, .b = self->weight.value, .c = nn_as_matrix(device, &dx)});
    return dx;
}

static void linear_state(nn_module *module, nn_parameter_visit visit, void *user) {
    const linear *self = (linear *)module;
    visit(user, "weight", &self->weight);
    visit(user, "bias", &self->bias);
}

static void linear_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops linear_ops = {
    .forward = linear_forward, .backward = linear_backward, .state = linear_state, .destroy = linear_destroy};

nn_module *nn_linear_create(nn_device *device, uint32_t in, uint32_t out, nn_random *random) {
    linear *self = nn_module_allocate(device, &linear_ops, sizeof *self);
    if (!self) return NULL;
    const float bound = in > 0 ? 1.0f / sqrtf((float)in) : 0.0f;
    self->in = in;
    self->out = out;
    self->weight = nn_parameter_uniform(device, 2, (const uint32_t[]){out, in}, bound, random);
    self->bias = nn_parameter_uniform(device, 1, &out, bound, random);
    return &self->module;
}
