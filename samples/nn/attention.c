// SPDX-License-Identifier: MIT
#include "attention.h"

#include <math.h>
#include <stdlib.h>

#include "attention_softmax.spv.h"
#include "attention_softmax_grad.spv.h"
#include "kernel.h"
#include "linear.h"
#include "matmul.h"
#include "shaders/push.h"

static const nn_kernel softmax_kernel = NN_KERNEL(attention_softmax, 1, nn_attention_push);
static const nn_kernel softmax_grad_kernel = NN_KERNEL(attention_softmax_grad, 2, nn_attention_push);

typedef struct attention {
    nn_module module;
    uint32_t width, heads;
    nn_module *qkv, *out;
    vkn_tensor projected, weights; // of the last forward: [N, T, 3 width], and softmax(..) [N, heads, T, T]
} attention;

enum { Q, K, V };

// The heads' [T, d] in what has `thirds` times `width` features a position.
static nn_batch heads_of(const attention *self, const vkn_tensor *x, uint32_t thirds, uint32_t third) {
    const uint32_t pitch = thirds * self->width;
    return (nn_batch){.tensor = *x,
                      .first = third * self->width,
                      .pitch = pitch,
                      .outer = x->shape[1] * pitch,
                      .inner = self->width / self->heads};
}

// The heads' [T, T].
static nn_batch squares_of(const vkn_tensor *x) {
    const uint32_t length = x->shape[3], square = length * length;
    return (nn_batch){.tensor = *x, .pitch = length, .outer = x->shape[1] * square, .inner = square};
}

// A product of two of these for each head: `c` is [T, columns], and each element a sum of `depth` products.
static void multiply(const attention *self, nn_batched_matmul_args args) {
    args.outer = self->weights.shape[0];
    args.inner = self->heads;
    args.rows = self->weights.shape[3];
    nn_batched_matmul(self->module.device, &args);
}

static void softmax(const attention *self, const nn_kernel *kernel, const vkn_tensor *tensors) {
    const uint32_t *shape = self->weights.shape;
    const nn_attention_push push = {.positions = shape[3],
                                    .scale = (float)(1 / sqrt((double)self->width / self->heads))};
    nn_dispatch(self->module.device, kernel, tensors, &push,
                (push.positions + NN_ATTENTION_ROWS - 1) / NN_ATTENTION_ROWS, shape[0] * shape[1]);
}

static vkn_tensor attention_forward(nn_module *module, vkn_tensor x) {
    attention *self = (attention *)module;
    nn_device *device = module->device;
    if (x.rank != 3 || x.shape[2] != self->width) {
        nn_fail(device, VKN_BAD_ARGUMENT, "attention: x has rank %u and %u features, expected rank 3 and %u", x.rank,
                x.rank > 0 ? x.shape[x.rank - 1] : 0, self->width);
        return (vkn_tensor){0};
    }
    const uint32_t length = x.shape[1], d = self->width / self->heads;
    self->projected = nn_module_forward(self->qkv, x);
    self->weights =
        nn_tensor_create(device, NN_STEP, VKN_F32, 4, (const uint32_t[]){x.shape[0], self->heads, length, length});
    const vkn_tensor mixed = nn_tensor_like(device, &x);
    if (!nn_ok(device)) return (vkn_tensor){0};
    const nn_batch q = heads_of(self, &self->projected, 3, Q), k = heads_of(self, &self->projected, 3, K);
    const nn_batch v = heads_of(self, &self->projected, 3, V), weights = squares_of(&self->weights);
    multiply(self, (nn_batched_matmul_args){
                       .columns = length, .depth = d, .a = q, .b = k, .transpose_b = true, .c = weights});
    softmax(self, &softmax_kernel, &self->weights);
    multiply(self, (nn_batched_matmul_args){
                       .columns = d, .depth = length, .a = weights, .b = v, .c = heads_of(self, &mixed, 1, 0)});
    return nn_module_forward(self->out, mixed);
}

// With o the heads' outputs, s the scores and w = softmax(s / sqrt(d)):
//   dw = do v^T,  dv = w^T do,  ds from dw and w,  dq = ds k,  dk = ds^T q
static vkn_tensor attention_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    attention *self = (attention *)module;
    nn_device *device = module->device;
    const uint32_t *shape = self->weights.shape, length = shape[3], d = self->width / self->heads;
    const vkn_tensor drows = nn_module_backward(self->out, dy, true);
    const vkn_tensor dmixed = nn_reshape(device, &drows, 3, (const uint32_t[]){shape[0], length, self->width});
    const vkn_tensor dprojected = nn_tensor_like(device, &self->projected);
    const vkn_tensor dscores = nn_tensor_like(device, &self->weights);
    if (!nn_ok(device)) return (vkn_tensor){0};
    const nn_batch q = heads_of(self, &self->projected, 3, Q), dq = heads_of(self, &dprojected, 3, Q);
    const nn_batch k = heads_of(self, &self->projected, 3, K), dk = heads_of(self, &dprojected, 3, K);
    const nn_batch v = heads_of(self, &self->projected, 3, V), dv = heads_of(self, &dprojected, 3, V);
    const nn_batch dout = heads_of(self, &dmixed, 1, 0), w = squares_of(&self->weights), ds = squares_of(&dscores);
    multiply(self,
             (nn_batched_matmul_args){.columns = length, .depth = d, .a = dout, .b = v, .transpose_b = true, .c = ds});
    multiply(self,
             (nn_batched_matmul_args){.columns = d, .depth = length, .a = w, .transpose_a = true, .b = dout, .c = dv});
    softmax(self, &softmax_grad_kernel, (const vkn_tensor[]){self->weights, dscores});
    multiply(self, (nn_batched_matmul_args){.columns = d, .depth = length, .a = ds, .b = k, .c = dq});
    multiply(self,
             (nn_batched_matmul_args){.columns = d, .depth = length, .a = ds, .transpose_a = true, .b = q, .c = dk});
    return nn_module_backward(self->qkv, dprojected, needs_dx);
}

static void attention_children(nn_module *module, nn_child_visit visit, void *user) {
    const attention *self = (attention *)module;
    visit(user, "qkv", self->qkv);
    visit(user, "out", self->out);
}

static void attention_destroy(nn_module *module) {
    attention *self = (attention *)module;
    nn_module_destroy(self->qkv);
    nn_module_destroy(self->out);
    free(self);
}

static const nn_module_ops attention_ops = {.forward = attention_forward,
                                            .backward = attention_backward,
                                            .children = attention_children,
                                            .destroy = attention_destroy};

nn_module *nn_attention_create(nn_device *device, uint32_t width, uint32_t heads, nn_random *random) {
    if (heads == 0 || width % heads != 0) {
        nn_fail(device, VKN_BAD_ARGUMENT, "attention: width %u must be divisible by %u heads", width, heads);
        return NULL;
    }
    attention *self = nn_module_allocate(device, &attention_ops, sizeof *self);
    if (!self) return NULL;
    self->width = width;
    self->heads = heads;
    self->qkv = nn_linear_create(device, width, 3 * width, random);
    self->out = nn_linear_create(device, width, width, random);
    if (self->qkv && self->out) return &self->module;
    attention_destroy(&self->module);
    return NULL;
}
