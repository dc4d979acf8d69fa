// SPDX-License-Identifier: MIT
// What no step waits for is one matrix product over all steps: the projection of x, and backwards the gradients of x
// and of the weights. So each step is one product with the hidden state, and one kernel for the cell.
#include "lstm.h"

#include <math.h>
#include <stdlib.h>

#include "column_sum.h"
#include "kernel.h"
#include "lstm_cell.spv.h"
#include "lstm_cell_grad.spv.h"
#include "matmul.h"
#include "parameter.h"
#include "shaders/push.h"

static const nn_kernel cell_kernel = NN_KERNEL(lstm_cell, 7, nn_lstm_push);
static const nn_kernel cell_grad_kernel = NN_KERNEL(lstm_cell_grad, 7, nn_lstm_push);

enum { GATES = 4 };

typedef struct lstm {
    nn_module module;
    uint32_t in, hidden;
    nn_parameter weight_ih, weight_hh, bias_ih, bias_hh;
    // Of the last forward; the state is step by step, with N rows each.
    vkn_tensor x, gates, c, h; // [N, T, in], [T N, 4 hidden], [T N, hidden], [T N, hidden]
} lstm;

static vkn_tensor lstm_forward(nn_module *module, vkn_tensor x) {
    lstm *self = (lstm *)module;
    nn_device *device = module->device;
    if (x.rank != 3 || x.shape[1] == 0 || x.shape[2] != self->in) {
        nn_fail(device, VKN_BAD_ARGUMENT,
                "lstm: x has rank %u, %u steps and %u features, expected rank 3, 1 or more and %u", x.rank,
                x.rank > 1 ? x.shape[1] : 0, x.rank > 0 ? x.shape[x.rank - 1] : 0, self->in);
        return (vkn_tensor){0};
    }
    const uint32_t batch = x.shape[0], steps = x.shape[1], hidden = self->hidden, rows = batch * steps;
    const vkn_tensor projection = nn_matrix(device, NN_STEP, rows, GATES * hidden);
    const vkn_tensor recurrent = nn_matrix(device, NN_STEP, batch, GATES * hidden);
    const vkn_tensor y = nn_tensor_create(device, NN_STEP, VKN_F32, 3, (const uint32_t[]){batch, steps, hidden});
    self->x = x;
    self->gates = nn_matrix(device, NN_STEP, rows, GATES * hidden);
    self->c = nn_matrix(device, NN_STEP, rows, hidden);
    self->h = nn_matrix(device, NN_STEP, rows, hidden);
    nn_matmul(device, &(nn_matmul_args){.a = nn_as_matrix(device, &x),
                                        .b = self->weight_ih.value,
                                        .transpose_b = true,
                                        .bias = self->bias_ih.value,
                                        .c = projection});
    const vkn_tensor tensors[] = {projection, recurrent, self->bias_hh.value, self->gates, self->c, self->h, y};
    nn_lstm_push push = {.batch = batch, .steps = steps, .hidden = hidden};
    for (push.step = 0; push.step < steps; push.step++) {
        if (push.step > 0) {
            nn_matmul(device, &(nn_matmul_args){.a = nn_rows(device, &self->h, (push.step - 1) * batch, batch),
                                                .b = self->weight_hh.value,
                                                .transpose_b = true,
                                                .c = recurrent});
        }
        nn_dispatch_elements(device, &cell_kernel, tensors, &push, (uint64_t)batch * hidden);
    }
    return y;
}

// dweight_ih = da^T x,  dweight_hh = the sum over the steps of da[step]^T h[step - 1],  dbias = the column sums of da
static void sum_gradients(const lstm *self, const vkn_tensor *da, const vkn_tensor *da_by_sample) {
    nn_device *device = self->module.device;
    const uint32_t batch = self->x.shape[0], later = (self->x.shape[1] - 1) * batch;
    nn_matmul(device, &(nn_matmul_args){.a = *da_by_sample,
                                        .transpose_a = true,
                                        .b = nn_as_matrix(device, &self->x),
                                        .c = self->weight_ih.grad});
    nn_matmul(device, &(nn_matmul_args){.a = nn_rows(device, da, batch, later),
                                        .transpose_a = true,
                                        .b = nn_rows(device, &self->h, 0, later),
                                        .c = self->weight_hh.grad});
    nn_column_sum(device, da, &self->bias_ih.grad);
    nn_copy(device, &self->bias_ih.grad, &self->bias_hh.grad);
}

static vkn_tensor lstm_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const lstm *self = (lstm *)module;
    nn_device *device = module->device;
    const uint32_t batch = self->x.shape[0], steps = self->x.shape[1], hidden = self->hidden;
    const uint64_t dy_count = vkn_tensor_count(&dy), count = vkn_tensor_count(&self->h);
    if (dy_count != count) {
        nn_fail(device, VKN_BAD_ARGUMENT, "lstm: dy has %llu elements, y has %llu", (unsigned long long)dy_count,
                (unsigned long long)count);
        return (vkn_tensor){0};
    }
    const vkn_tensor recurrent = nn_matrix(device, NN_STEP, batch, hidden);
    const vkn_tensor dc = nn_matrix(device, NN_STEP, batch, hidden);
    const vkn_tensor da = nn_tensor_like(device, &self->gates), da_by_sample = nn_tensor_like(device, &self->gates);
    const vkn_tensor tensors[] = {dy, recurrent, self->gates, self->c, dc, da, da_by_sample};
    nn_lstm_push push = {.batch = batch, .steps = steps, .hidden = hidden};
    for (push.step = steps; push.step-- > 0;) {
        if (push.step + 1 < steps) {
            nn_matmul(device, &(nn_matmul_args){.a = nn_rows(device, &da, (push.step + 1) * batch, batch),
                                                .b = self->weight_hh.value,
                                                .c = recurrent});
        }
        nn_dispatch_elements(device, &cell_grad_kernel, tensors, &push, (uint64_t)batch * hidden);
    }
    if (!module->frozen) sum_gradients(self, &da, &da_by_sample);
    if (!needs_dx) return (vkn_tensor){0};
    const vkn_tensor dx = nn_tensor_like(device, &self->x);
    nn_matmul(device, &(nn_matmul_args){.a = da_by_sample, .b = self->weight_ih.value, .c = nn_as_matrix(device, &dx)});
    return dx;
}

static void lstm_state(nn_module *module, nn_parameter_visit visit, void *user) {
    const lstm *self = (lstm *)module;
    visit(user, "weight_ih_l0", &self->weight_ih);
    visit(user, "weight_hh_l0", &self->weight_hh);
    visit(user, "bias_ih_l0", &self->bias_ih);
    visit(user, "bias_hh_l0", &self->bias_hh);
}

static void lstm_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops lstm_ops = {
    .forward = lstm_forward, .backward = lstm_backward, .state = lstm_state, .destroy = lstm_destroy};

nn_module *nn_lstm_create(nn_device *device, uint32_t in, uint32_t hidden, nn_random *random) {
    lstm *self = nn_module_allocate(device, &lstm_ops, sizeof *self);
    if (!self) return NULL;
    const float bound = hidden > 0 ? 1.0f / sqrtf((float)hidden) : 0.0f;
    const uint32_t rows = GATES * hidden;
    self->in = in;
    self->hidden = hidden;
    self->weight_ih = nn_parameter_uniform(device, 2, (const uint32_t[]){rows, in}, bound, random);
    self->weight_hh = nn_parameter_uniform(device, 2, (const uint32_t[]){rows, hidden}, bound, random);
    self->bias_ih = nn_parameter_uniform(device, 1, &rows, bound, random);
    self->bias_hh = nn_parameter_uniform(device, 1, &rows, bound, random);
    return &self->module;
}
