// SPDX-License-Identifier: MIT
#include "loss.h"

#include "bce.spv.h"
#include "kernel.h"
#include "shaders/push.h"

static const nn_kernel bce_kernel = NN_KERNEL(bce, 5, nn_bce_push);

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
