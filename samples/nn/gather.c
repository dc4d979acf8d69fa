// SPDX-License-Identifier: MIT
#include "gather.h"

#include "gather.spv.h"
#include "kernel.h"
#include "shaders/push.h"

static const nn_kernel gather_kernel = NN_KERNEL(gather, 3, nn_gather_push);

vkn_tensor nn_gather(nn_device *device, const vkn_tensor *table, const vkn_tensor *index) {
    if (!nn_ok(device)) return (vkn_tensor){0};
    if (table->rank != 2 || index->rank != 1 || index->dtype != VKN_I64) {
        nn_fail(device, VKN_BAD_ARGUMENT, "gather: table has rank %u, expected 2; index has rank %u, expected 1 of I64",
                table->rank, index->rank);
        return (vkn_tensor){0};
    }
    const nn_gather_push push = {index->shape[0], table->shape[1], table->shape[0]};
    const vkn_tensor y = nn_matrix(device, NN_STEP, push.rows, push.columns);
    nn_dispatch_elements(device, &gather_kernel, (const vkn_tensor[]){*table, *index, y}, &push, vkn_tensor_count(&y));
    return y;
}
