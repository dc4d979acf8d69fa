// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "average_pool.spv.h"
#include "average_pool_grad.spv.h"
#include "kernel.h"
#include "pool.h"
#include "shaders/push.h"

static const nn_kernel average_pool_kernel = NN_KERNEL(average_pool, 2, nn_average_pool_push);
static const nn_kernel average_pool_grad_kernel = NN_KERNEL(average_pool_grad, 2, nn_average_pool_push);

typedef struct average_pool {
    nn_module module;
    vkn_tensor x; // of the last forward
    nn_average_pool_push push;
} average_pool;

static vkn_tensor average_pool_forward(nn_module *module, vkn_tensor x) {
    average_pool *self = (average_pool *)module;
    nn_device *device = module->device;
    const uint64_t area = x.rank == 4 ? (uint64_t)x.shape[2] * x.shape[3] : 0;
    if (area == 0 || area > NN_AVERAGE_AREA) {
        nn_fail(device, VKN_BAD_ARGUMENT,
                "average pool: x has rank %u and %llu elements a channel, expected 4 and 1 to %d", x.rank,
                (unsigned long long)area, NN_AVERAGE_AREA);
        return (vkn_tensor){0};
    }
    self->x = x;
    self->push = (nn_average_pool_push){.planes = x.shape[0] * x.shape[1], .area = (uint32_t)area};
    const vkn_tensor y =
        nn_tensor_create(device, NN_STEP, VKN_F32, 4, (const uint32_t[]){x.shape[0], x.shape[1], 1, 1});
    nn_dispatch_elements(device, &average_pool_kernel, (const vkn_tensor[]){x, y}, &self->push,
                         (uint64_t)self->push.planes * NN_AVERAGE_LANES);
    return y;
}

static vkn_tensor average_pool_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const average_pool *self = (average_pool *)module;
    nn_device *device = module->device;
    if (!needs_dx) return (vkn_tensor){0};
    const uint64_t count = vkn_tensor_count(&dy);
    if (count != self->push.planes) {
        nn_fail(device, VKN_BAD_ARGUMENT, "average pool: dy has %llu elements, y has %u", (unsigned long long)count,
                self->push.planes);
        return (vkn_tensor){0};
    }
    const vkn_tensor dx = nn_tensor_like(device, &self->x);
    nn_dispatch_elements(device, &average_pool_grad_kernel, (const vkn_tensor[]){dy, dx}, &self->push,
                         vkn_tensor_count(&dx));
    return dx;
}

static void average_pool_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops average_pool_ops = {
    .forward = average_pool_forward, .backward = average_pool_backward, .destroy = average_pool_destroy};

nn_module *nn_average_pool_create(nn_device *device) {
    return nn_module_allocate(device, &average_pool_ops, sizeof(average_pool));
}
