// SPDX-License-Identifier: MIT
#include "gather.h"

#include "gather.spv.h"
#include "kernel.h"
#include "shaders/push.h"

static const nn_kernel gather_kernel = NN_KERNEL(gather, 3, nn_gather_push);

// Rows of `columns` elements that begin every `stride` elements of the table, `table_rows` of them.
static vkn_tensor gather(nn_device *device, const vkn_tensor *table, const vkn_tensor *index, uint32_t table_rows,
                         uint32_t stride, uint32_t columns) {
    if (index->rank != 1 || index->dtype != VKN_I64 || (table->dtype != VKN_F32 && table->dtype != VKN_I64)) {
        nn_fail(device, VKN_BAD_ARGUMENT,
                "gather: table has dtype %d, expected F32 or I64; index has rank %u, expected 1 of I64",
                (int)table->dtype, index->rank);
        return (vkn_tensor){0};
    }
    const uint32_t words = table->dtype == VKN_I64 ? 2 : 1;
    const vkn_tensor y =
        nn_tensor_create(device, NN_STEP, table->dtype, 2, (const uint32_t[]){index->shape[0], columns});
    const nn_gather_push push = {index->shape[0], columns * words, table_rows, stride * words};
    nn_dispatch_elements(device, &gather_kernel, (const vkn_tensor[]){*table, *index, y}, &push,
                         vkn_tensor_count(&y) * words);
    return y;
}

vkn_tensor nn_gather(nn_device *device, const vkn_tensor *table, const vkn_tensor *index) {
    if (!nn_ok(device)) return (vkn_tensor){0};
    if (table->rank != 2) {
        nn_fail(device, VKN_BAD_ARGUMENT, "gather: table has rank %u, expected 2", table->rank);
        return (vkn_tensor){0};
    }
    return gather(device, table, index, table->shape[0], table->shape[1], table->shape[1]);
}

vkn_tensor nn_gather_windows(nn_device *device, const vkn_tensor *values, const vkn_tensor *index, uint32_t stride,
                             uint32_t columns) {
    if (!nn_ok(device)) return (vkn_tensor){0};
    if (values->rank != 1 || stride == 0) {
        nn_fail(device, VKN_BAD_ARGUMENT, "gather: values have rank %u, expected 1; stride %u, expected at least 1",
                values->rank, stride);
        return (vkn_tensor){0};
    }
    const uint32_t count = values->shape[0], windows = count < columns ? 0 : (count - columns) / stride + 1;
    return gather(device, values, index, windows, stride, columns);
}
