// SPDX-License-Identifier: MIT
#include "loss.h"

#include "bce.spv.h"
#include "column_sum.h"
#include "cross_entropy.spv.h"
#include "kernel.h"
#include "shaders/push.h"

static const nn_kernel bce_kernel = NN_KERNEL(bce, 5, nn_bce_push);
static const nn_kernel cross_entropy_kernel = NN_KERNEL(cross_entropy, 5, nn_cross_entropy_push);

void nn_bce_with_logits(nn_device *device, const vkn_tensor *logits, const vkn_tensor *targets, uint32_t total,
                        const vkn_tensor *loss, const vkn_tensor *right, const vkn_tensor *dlogits) {
    if (!nn_ok(device)) return;
    const uint64_t count = vkn_tensor_count(logits), target_count = vkn_tensor_count(targets);
    if (count != target_count || (dlogits && vkn_tensor_count(dlogits) != count)) {
        nn_fail(device, VKN_BAD_ARGUMENT, "bce: logits has %llu elements, targets %llu, dlogits %llu",
                (unsigned long long)count, (unsigned long long)target_count,
                (unsigned long long)(dlogits ? vkn_tensor_count(dlogits) : count));
        return;
    }
    if (count > NN_BCE_COUNT) {
        nn_fail(device, VKN_UNSUPPORTED, "bce: logits has %llu elements, at most %d", (unsigned long long)count,
                NN_BCE_COUNT);
        return;
    }
    const vkn_tensor tensors[] = {*logits, *targets, *loss, dlogits ? *dlogits : (vkn_tensor){0},
                                  right ? *right : (vkn_tensor){0}};
    const nn_bce_push push = {(uint32_t)count, total, dlogits != NULL, right != NULL};
    nn_dispatch(device, &bce_kernel, tensors, &push, 1, 1);
}

static bool check_classes(nn_device *device, const vkn_tensor *z, const vkn_tensor *targets,
                          const vkn_tensor *dlogits) {
    const unsigned long long target_count = vkn_tensor_count(targets), count = vkn_tensor_count(z);
    if (targets->dtype != VKN_I64 || target_count != z->shape[0] || (dlogits && vkn_tensor_count(dlogits) != count)) {
        nn_fail(
            device, VKN_BAD_ARGUMENT,
            "cross-entropy: logits has %u rows and %llu elements, targets %llu elements of %s, expected I64, dlogits "
            "%llu",
            z->shape[0], count, target_count, targets->dtype == VKN_I64 ? "I64" : "another type",
            dlogits ? (unsigned long long)vkn_tensor_count(dlogits) : count);
    } else if (z->shape[1] == 0 || z->shape[1] > NN_CLASSES) {
        nn_fail(device, VKN_UNSUPPORTED, "cross-entropy: logits has %u classes, expected 1 to %d", z->shape[1],
                NN_CLASSES);
    }
    return nn_ok(device);
}

void nn_cross_entropy(nn_device *device, const vkn_tensor *logits, const vkn_tensor *targets, uint32_t total,
                      const vkn_tensor *loss, const vkn_tensor *right, const vkn_tensor *dlogits) {
    if (!nn_ok(device)) return;
    const vkn_tensor z = nn_as_matrix(device, logits);
    if (!check_classes(device, &z, targets, dlogits)) return;
    const uint32_t rows = z.shape[0];
    const vkn_tensor losses = nn_matrix(device, NN_STEP, rows, 1), rights = nn_matrix(device, NN_STEP, rows, 1);
    const vkn_tensor tensors[] = {z, *targets, losses, rights, dlogits ? *dlogits : (vkn_tensor){0}};
    const nn_cross_entropy_push push = {rows, z.shape[1], total, dlogits != NULL, right != NULL};
    const uint32_t group_rows = NN_LANES / NN_CLASS_LANES;
    nn_dispatch(device, &cross_entropy_kernel, tensors, &push, rows / group_rows + (rows % group_rows != 0), 1);
    nn_column_sum(device, &losses, loss);
    if (right) nn_column_sum(device, &rights, right);
}
