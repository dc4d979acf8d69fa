// SPDX-License-Identifier: MIT
#include "matmul.h"

#include "kernel.h"
#include "matmul.spv.h"
#include "shaders/push.h"

static const nn_kernel matmul_kernel = NN_KERNEL(matmul, 4, nn_matmul_push);

// Whether all matrices of a batch lie inside its tensor.
static bool fits(nn_device *device, const nn_batched_matmul_args *args, const char *name, const nn_batch *batch,
                 uint32_t rows, uint32_t columns) {
    const uint64_t count = vkn_tensor_count(&batch->tensor);
    uint64_t end = 0;
    if (args->outer > 0 && args->inner > 0 && rows > 0 && columns > 0) {
        end = (uint64_t)batch->first + (uint64_t)(args->outer - 1) * batch->outer +
              (uint64_t)(args->inner - 1) * batch->inner + (uint64_t)(rows - 1) * batch->pitch + columns;
    }
    if (end > count) {
        nn_fail(device, VKN_BAD_ARGUMENT, "matmul: %s reaches to element %llu of a tensor that has %llu", name,
                (unsigned long long)end, (unsigned long long)count);
    }
    return end <= count;
}

static vkn_tensor from_first(const nn_batch *batch) {
    const uint64_t count = vkn_tensor_count(&batch->tensor);
    const uint32_t rest = batch->first < count ? (uint32_t)(count - batch->first) : 0;
    return vkn_tensor_make(batch->tensor.buffer, batch->tensor.offset + (VkDeviceSize)batch->first * sizeof(float),
                           VKN_F32, VKN_CHANNELS_FIRST, 1, &rest);
}

static nn_matmul_layout layout_of(const nn_batch *batch) {
    return (nn_matmul_layout){batch->pitch, batch->outer, batch->inner};
}

void nn_batched_matmul(nn_device *device, const nn_batched_matmul_args *args) {
    if (!nn_ok(device)) return;
    const uint32_t rows = args->rows, columns = args->columns, depth = args->depth;
    const bool ta = args->transpose_a, tb = args->transpose_b;
    if (!fits(device, args, "a", &args->a, ta ? depth : rows, ta ? rows : depth) ||
        !fits(device, args, "b", &args->b, tb ? columns : depth, tb ? depth : columns) ||
        !fits(device, args, "c", &args->c, rows, columns)) {
        return;
    }
    const vkn_tensor tensors[] = {from_first(&args->a), from_first(&args->b), args->bias, from_first(&args->c)};
    nn_matmul_push push = {.rows = rows,
                           .columns = columns,
                           .transpose_a = ta,
                           .transpose_b = tb,
                           .has_bias = args->bias.buffer != VK_NULL_HANDLE,
                           .outer = args->outer,
                           .inner = args->inner,
                           .a = layout_of(&args->a),
                           .b = layout_of(&args->b),
                           .c = layout_of(&args->c)};
    do {
        push.last = depth - push.first > NN_MATMUL_DEPTH ? push.first + NN_MATMUL_DEPTH : depth;
        nn_dispatch_tiles(device, &matmul_kernel, tensors, &push, rows, columns, args->outer * args->inner);
        push.first = push.last;
    } while (push.first < depth);
}

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
    nn_batched_matmul(device, &(nn_batched_matmul_args){.outer = 1,
                                                        .inner = 1,
                                                        .rows = rows,
                                                        .columns = columns,
                                                        .depth = depth,
                                                        .a = {.tensor = args->a, .pitch = a[1]},
                                                        .b = {.tensor = args->b, .pitch = b[1]},
                                                        .c = {.tensor = args->c, .pitch = c[1]},
                                                        .bias = args->bias,
                                                        .transpose_a = args->transpose_a,
                                                        .transpose_b = args->transpose_b});
}
