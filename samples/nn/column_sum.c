// SPDX-License-Identifier: MIT
#include "column_sum.h"

#include "column_sum.spv.h"
#include "kernel.h"
#include "shaders/push.h"

static const nn_kernel column_sum_kernel = NN_KERNEL(column_sum, 2, nn_column_sum_push);

void nn_column_sum(nn_device *device, const vkn_tensor *x, const vkn_tensor *sum) {
    if (!nn_ok(device)) return;
    const uint32_t rows = x->shape[0], columns = x->shape[1];
    const uint64_t sums = vkn_tensor_count(sum);
    if (x->rank != 2 || sums != columns) {
        nn_fail(device, VKN_BAD_ARGUMENT,
                "column sum: x has rank %u and %u columns, expected rank 2; sum has %llu elements", x->rank, columns,
                (unsigned long long)sums);
        return;
    }
    nn_column_sum_push push = {.columns = columns};
    do {
        push.last = rows - push.first > NN_SUM_ROWS ? push.first + NN_SUM_ROWS : rows;
        nn_dispatch(device, &column_sum_kernel, (const vkn_tensor[]){*x, *sum}, &push,
                    (columns + NN_SUM_COLUMNS - 1) / NN_SUM_COLUMNS, 1);
        push.first = push.last;
    } while (push.first < rows);
}
