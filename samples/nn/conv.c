// SPDX-License-Identifier: MIT
#include "conv.h"

#include <math.h>
#include <stdlib.h>

#include "column_sum.h"
#include "conv.spv.h"
#include "conv_dweight.spv.h"
#include "conv_dx.spv.h"
#include "kernel.h"
#include "parameter.h"
#include "shaders/push.h"
#include "window.h"

static const nn_kernel conv_kernel = NN_KERNEL(conv, 4, nn_conv_push);
static const nn_kernel conv_dx_kernel = NN_KERNEL(conv_dx, 3, nn_conv_push);
static const nn_kernel conv_dweight_kernel = NN_KERNEL(conv_dweight, 4, nn_conv_push);

// Sums over all positions have few results: they are split, until there are about this many workgroups of them. A CPU
// needs a few, a GPU a hundred; a part of a sum is not worth it where it is short.
enum { WORKGROUPS = 128, SHORT_SUM = 256 };

typedef struct conv {
    nn_module module;
    nn_conv2d_info info;
    nn_parameter weight, bias;
    vkn_tensor x; // of the last forward
    nn_conv_push push;
} conv;

static vkn_tensor conv_forward(nn_module *module, vkn_tensor x) {
    conv *self = (conv *)module;
    nn_device *device = module->device;
    const nn_conv2d_info *info = &self->info;
    if (x.rank != 4 || x.shape[1] != info->in) {
        nn_fail(device, VKN_BAD_ARGUMENT, "conv2d: x has rank %u and %u channels, expected rank 4 and %u", x.rank,
                x.rank > 1 ? x.shape[1] : 0, info->in);
        return (vkn_tensor){0};
    }
    const nn_window window = {"conv2d", info->kernel, info->stride, info->padding};
    uint32_t shape[4] = {x.shape[0], info->out};
    if (!nn_window_slide(device, &window, &x.shape[2], &shape[2])) return (vkn_tensor){0};
    self->push = (nn_conv_push){.images = x.shape[0],
                                .in_channels = info->in,
                                .out_channels = info->out,
                                .size = {x.shape[2], x.shape[3]},
                                .out_size = {shape[2], shape[3]},
                                .kernel = {info->kernel[0], info->kernel[1]},
                                .stride = {info->stride[0], info->stride[1]},
                                .padding = {info->padding[0], info->padding[1]},
                                .has_bias = info->bias};
    self->x = x;
    const vkn_tensor y = nn_tensor_create(device, NN_STEP, VKN_F32, 4, shape);
    if (!nn_ok(device)) return (vkn_tensor){0};
    const vkn_tensor tensors[] = {x, self->weight.value, self->bias.value, y};
    nn_dispatch_tiles(device, &conv_kernel, tensors, &self->push, info->out, shape[0] * shape[2] * shape[3], 1);
    return y;
}

static uint32_t divide_up(uint32_t a, uint32_t b) {
    return a / b + (a % b != 0);
}

// Each part of the sums goes to a matrix's row of its own, and then the rows are added up, always in the same order.
static void record_dweight(conv *self, const vkn_tensor *dy) {
    nn_device *device = self->module.device;
    nn_conv_push push = self->push;
    const uint32_t depth = (uint32_t)(vkn_tensor_count(&self->weight.value) / push.out_channels);
    const uint32_t columns = depth + push.has_bias, positions = push.images * push.out_size[0] * push.out_size[1];
    const uint32_t tiles = divide_up(push.out_channels, NN_TILE_ROWS) * divide_up(columns, NN_TILE_COLUMNS);
    const uint32_t part = divide_up(positions, divide_up(WORKGROUPS, tiles));
    push.part = part < SHORT_SUM ? SHORT_SUM : part > NN_CONV_DEPTH ? NN_CONV_DEPTH : part;
    const uint32_t parts = divide_up(positions, push.part);
    vkn_tensor dweight = self->weight.grad, dbias = self->bias.grad;
    if (parts != 1) {
        dweight = nn_matrix(device, NN_STEP, parts, push.out_channels * depth);
        if (push.has_bias) dbias = nn_matrix(device, NN_STEP, parts, push.out_channels);
    }
    if (!nn_ok(device)) return;
    nn_dispatch_tiles(device, &conv_dweight_kernel, (const vkn_tensor[]){self->x, *dy, dweight, dbias}, &push,
                      push.out_channels, columns, parts);
    if (parts == 1) return;
    nn_column_sum(device, &dweight, &self->weight.grad);
    if (push.has_bias) nn_column_sum(device, &dbias, &self->bias.grad);
}

static vkn_tensor conv_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    conv *self = (conv *)module;
    nn_device *device = module->device;
    const nn_conv_push *push = &self->push;
    if (dy.rank != 4 || dy.shape[0] != push->images || dy.shape[1] != push->out_channels ||
        dy.shape[2] != push->out_size[0] || dy.shape[3] != push->out_size[1]) {
        nn_fail(device, VKN_BAD_ARGUMENT, "conv2d: dy has rank %u and %llu elements, y is %u x %u x %u x %u", dy.rank,
                (unsigned long long)vkn_tensor_count(&dy), push->images, push->out_channels, push->out_size[0],
                push->out_size[1]);
        return (vkn_tensor){0};
    }
    if (!module->frozen) record_dweight(self, &dy);
    if (!needs_dx) return (vkn_tensor){0};
    const vkn_tensor dx = nn_tensor_like(device, &self->x);
    nn_dispatch_tiles(device, &conv_dx_kernel, (const vkn_tensor[]){dy, self->weight.value, dx}, push,
                      push->in_channels, push->images * push->size[0] * push->size[1], 1);
    return dx;
}

static void conv_state(nn_module *module, nn_parameter_visit visit, void *user) {
    const conv *self = (conv *)module;
    visit(user, "weight", &self->weight);
    if (self->info.bias) visit(user, "bias", &self->bias);
}

static void conv_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops conv_ops = {
    .forward = conv_forward, .backward = conv_backward, .state = conv_state, .destroy = conv_destroy};

nn_module *nn_conv2d_create(nn_device *device, const nn_conv2d_info *info, nn_random *random) {
    const double area = (double)info->kernel[0] * info->kernel[1];
    if (info->in == 0 || info->out == 0 || area * info->in > NN_CONV_DEPTH || area * info->out > NN_CONV_DEPTH) {
        nn_fail(device, VKN_UNSUPPORTED,
                "conv2d: %u to %u channels with a kernel of %u x %u: channels times kernel must be 1 to %d", info->in,
                info->out, info->kernel[0], info->kernel[1], NN_CONV_DEPTH);
        return NULL;
    }
    if (!nn_window_check(device, &(nn_window){"conv2d", info->kernel, info->stride, info->padding})) return NULL;
    conv *self = nn_module_allocate(device, &conv_ops, sizeof *self);
    if (!self) return NULL;
    self->info = *info;
    const float bound = (float)(1 / sqrt(area * info->in));
    const uint32_t shape[] = {info->out, info->in, info->kernel[0], info->kernel[1]};
    self->weight = nn_parameter_uniform(device, 4, shape, bound, random);
    if (info->bias) self->bias = nn_parameter_uniform(device, 1, &info->out, bound, random);
    return &self->module;
}
