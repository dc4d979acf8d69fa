// SPDX-License-Identifier: MIT
#include "add.h"

#include "add.spv.h"
#include "kernel.h"
#include "shaders/push.h"

static const nn_kernel add_kernel = NN_KERNEL(add, 3, nn_add_push);

vkn_tensor nn_add(nn_device *device, const vkn_tensor *a, const vkn_tensor *b) {
    if (!nn_ok(device)) return (vkn_tensor){0};
    const uint64_t count = vkn_tensor_count(a), period = vkn_tensor_count(b);
    if (period == 0 ? count != 0 : count % period != 0) {
        nn_fail(device, VKN_BAD_ARGUMENT, "add: a has %llu elements, b has %llu", (unsigned long long)count,
                (unsigned long long)period);
        return (vkn_tensor){0};
    }
    const vkn_tensor y = nn_tensor_like(device, a);
    const nn_add_push push = {(uint32_t)count, (uint32_t)period};
    nn_dispatch_elements(device, &add_kernel, (const vkn_tensor[]){*a, *b, y}, &push, count);
    return y;
}
