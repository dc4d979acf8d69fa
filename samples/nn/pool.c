// SPDX-License-Identifier: MIT
#include "pool.h"

#include <stdlib.h>

#include "kernel.h"
#include "max_pool.spv.h"
#include "max_pool_grad.spv.h"
#include "shaders/push.h"
#include "window.h"

static const nn_kernel max_pool_kernel = NN_KERNEL(max_pool, 3, nn_max_pool_push);
static const nn_kernel max_pool_grad_kernel = NN_KERNEL(max_pool_grad, 3, nn_max_pool_push);

typedef struct max_pool {
    nn_module module;
    nn_max_pool2d_info info;
    vkn_tensor x, y, largest; // of the last forward; largest: as y, where in its plane of x each is, as a word
    nn_max_pool_push push;
} max_pool;

static vkn_tensor max_pool_forward(nn_module *module, vkn_tensor x) {
    max_pool *self = (max_pool *)module;
    nn_device *device = module->device;
    const nn_max_pool2d_info *info = &self->info;
    if (x.rank != 4 || x.shape[2] == 0 || x.shape[3] == 0) {
        nn_fail(device, VKN_BAD_ARGUMENT, "max pool: x has rank %u and size %u x %u, expected 4 and at least 1 x 1",
                x.rank, x.rank > 2 ? x.shape[2] : 0, x.rank > 3 ? x.shape[3] : 0);
        return (vkn_tensor){0};
    }
    const nn_window window = {"max pool", info->kernel, info->stride, info->padding};
    uint32_t shape[4] = {x.shape[0], x.shape[1]};
    if (!nn_window_slide(device, &window, &x.shape[2], &shape[2])) return (vkn_tensor){0};
    self->x = x;
    self->y = nn_tensor_create(device, NN_STEP, VKN_F32, 4, shape);
    self->largest = nn_tensor_like(device, &self->y);
    if (!nn_ok(device)) return (vkn_tensor){0};
    self->push = (nn_max_pool_push){.planes = shape[0] * shape[1],
                                    .size = {x.shape[2], x.shape[3]},
                                    .out_size = {shape[2], shape[3]},
                                    .kernel = {info->kernel[0], info->kernel[1]},
                                    .stride = {info->stride[0], info->stride[1]},
                                    .padding = {info->padding[0], info->padding[1]}};
    nn_dispatch_elements(device, &max_pool_kernel, (const vkn_tensor[]){x, self->y, self->largest}, &self->push,
                         vkn_tensor_count(&self->y));
    return self->y;
}

static vkn_tensor max_pool_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const max_pool *self = (max_pool *)module;
    nn_device *device = module->device;
    if (!needs_dx) return (vkn_tensor){0};
    const uint64_t count = vkn_tensor_count(&self->y), dy_count = vkn_tensor_count(&dy);
    if (dy_count != count) {
        nn_fail(device, VKN_BAD_ARGUMENT, "max pool: dy has %llu elements, y has %llu", (unsigned long long)dy_count,
                (unsigned long long)count);
        return (vkn_tensor){0};
    }
    const vkn_tensor dx = nn_tensor_like(device, &self->x);
    nn_dispatch_elements(device, &max_pool_grad_kernel, (const vkn_tensor[]){dy, self->largest, dx}, &self->push,
                         vkn_tensor_count(&dx));
    return dx;
}

static void max_pool_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops max_pool_ops = {
    .forward = max_pool_forward, .backward = max_pool_backward, .destroy = max_pool_destroy};

nn_module *nn_max_pool2d_create(nn_device *device, const nn_max_pool2d_info *info) {
    if (!nn_window_check(device, &(nn_window){"max pool", info->kernel, info->stride, info->padding})) return NULL;
    if (info->kernel[0] * info->kernel[1] > NN_MAX_POOL_AREA) {
        nn_fail(device, VKN_UNSUPPORTED, "max pool: kernel is %u x %u, more than %d elements", info->kernel[0],
                info->kernel[1], NN_MAX_POOL_AREA);
        return NULL;
    }
    for (int axis = 0; axis < 2; axis++) {
        if (info->padding[axis] <= info->kernel[axis] / 2) continue;
        nn_fail(device, VKN_BAD_ARGUMENT, "max pool: padding is %u x %u, at most half of the kernel, %u x %u",
                info->padding[0], info->padding[1], info->kernel[0], info->kernel[1]);
        return NULL;
    }
    max_pool *self = nn_module_allocate(device, &max_pool_ops, sizeof *self);
    if (!self) return NULL;
    self->info = *info;
    return &self->module;
}
