// SPDX-License-Identifier: MIT
#include "matmul.h"

#include "kernel.h"
#include "matmul.spv.h"
#include "shaders/push.h"

static const nn_kernel matmul_kernel = NN_KERNEL(matmul, 4, nn_matmul_push);

void nn_matmul(nn_device *device, const nn_matmul_args *args) {
    if (!nn_ok(device)) return;
    const uint32_t *a = args->a.shape, *b = args->b.shape, *c = args->c.shape;
    const uint32_t rows = a[args->transpose_a], depth = a[!args->transpose_a];
    const uint32_t b_depth = b[args->transpose_b], columns = b[!args->transpose_b];
    if (args->a.rank != 2 || args->b.rank != 2 || args->c.rank != 2 || b_depth != depth || c[0] != rows ||
        c[1] != columns) {
        nn_fail(device, VKN_BAD_ARGUMENT, "matmul: a is %u x %u, b is %u x %u, c is %u x %u", rows, depth, b_depth,
                columns, c[0], c[1]);
        return;
    }
    if (args->bias.buffer && vkn_tensor_count(&args->bias) != columns) {
        nn_fail(device, VKN_BAD_ARGUMENT, "matmul: bias has %llu elements, c has %u columns",
                (unsigned long long)vkn_tensor_count(&args->bias), columns);
        return;
    }
    const vkn_tensor tensors[] = {args->a, args->b, args->bias, args->c};
    nn_matmul_push push = {.rows = rows,
                           .columns = columns,
                           .depth = depth,
                           .transpose_a = args->transpose_a,
                           .transpose_b = args->transpose_b,
                           .has_bias = args->bias.buffer != VK_NULL_HANDLE};
    do {
        push.last = depth - push.first > NN_MATMUL_DEPTH ? push.first + NN_MATMUL_DEPTH : depth;
        nn_dispatch_tiles(device, &matmul_kernel, tensors, &push, rows, columns, 1);
        push.first = push.last;
    } while (push.first < depth);
}
