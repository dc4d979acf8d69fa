// SPDX-License-Identifier: MIT
#include "linear.h"

#include <math.h>
#include <stdlib.h>

#include "column_sum.spv.h"
#include "kernel.h"
#include "matmul.h"
#include "shaders/push.h"

static const nn_kernel column_sum_kernel = NN_KERNEL(column_sum, 2, nn_column_sum_push);

typedef struct linear {
    nn_module module;
    uint32_t in, out;
    nn_parameter weight, bias;
    vkn_tensor x; // of the last forward
} linear;

static vkn_tensor linear_forward(nn_module *module, vkn_tensor x) {
    linear *self = (linear *)module;
    if (x.rank != 2 || x.shape[1] != self->in) {
        nn_fail(module->device, VKN_BAD_ARGUMENT, "linear: x has rank %u and %u features, expected rank 2 and %u",
                x.rank, x.rank > 1 ? x.shape[1] : 0, self->in);
        return (vkn_tensor){0};
    }
    const vkn_tensor y = nn_matrix(module->device, NN_STEP, x.shape[0], self->out);
    nn_matmul(
        module->device,
        &(nn_matmul_args){.a = x, .b = self->weight.value, .transpose_b = true, .bias = self->bias.value, .c = y});
    self->x = x;
    return y;
}

static void sum_columns(nn_device *device, const vkn_tensor *x, const vkn_tensor *sum) {
    const uint32_t rows = x->shape[0], columns = x->shape[1];
    nn_column_sum_push push = {.columns = columns};
    do {
        push.last = rows - push.first > NN_SUM_ROWS ? push.first + NN_SUM_ROWS : rows;
        nn_dispatch(device, &column_sum_kernel, (const vkn_tensor[]){*x, *sum}, &push,
                    (columns + NN_SUM_COLUMNS - 1) / NN_SUM_COLUMNS, 1);
        push.first = push.last;
    } while (push.first < rows);
}

// dweight = dy^T x,  dbias = the column sums of dy,  dx = dy weight
static vkn_tensor linear_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    linear *self = (linear *)module;
    nn_device *device = module->device;
    if (!module->frozen) {
        nn_matmul(device, &(nn_matmul_args){.a = dy, .transpose_a = true, .b = self->x, .c = self->weight.grad});
        sum_columns(device, &dy, &self->bias.grad);
    }
    if (!needs_dx) return (vkn_tensor){0};
    const vkn_tensor dx = nn_tensor_like(device, &self->x);
    nn_matmul(device, &(nn_matmul_args){.a = dy, .b = self->weight.value, .c = dx});
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

static void upload_uniform(nn_device *device, const vkn_tensor *tensor, float bound, nn_random *random) {
    const uint64_t count = vkn_tensor_count(tensor);
    float *values = nn_ok(device) && count > 0 ? malloc(count * sizeof *values) : NULL;
    if (!values) {
        if (count > 0) nn_fail(device, VKN_OUT_OF_MEMORY, "linear: out of memory");
        return;
    }
    for (uint64_t i = 0; i < count; i++)
        values[i] = nn_random_uniform(random, -bound, bound);
    nn_upload(device, tensor, values);
    free(values);
}

nn_module *nn_linear_create(nn_device *device, uint32_t in, uint32_t out, nn_random *random) {
    linear *self = nn_module_allocate(device, &linear_ops, sizeof *self);
    if (!self) return NULL;
    self->in = in;
    self->out = out;
    self->weight = (nn_parameter){nn_matrix(device, NN_FOREVER, out, in), nn_matrix(device, NN_FOREVER, out, in)};
    self->bias =
        (nn_parameter){nn_vector(device, NN_FOREVER, VKN_F32, out), nn_vector(device, NN_FOREVER, VKN_F32, out)};
    const float bound = in > 0 ? 1.0f / sqrtf((float)in) : 0.0f;
    upload_uniform(device, &self->weight.value, bound, random);
    upload_uniform(device, &self->bias.value, bound, random);
    return &self->module;
}
