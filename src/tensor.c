// SPDX-License-Identifier: MIT
#include "tensor.h"
#include <stdio.h>

vkn_tensor vkn_tensor_make(VkBuffer buffer, VkDeviceSize offset, vkn_dtype dtype, vkn_layout layout, uint32_t rank,
                           const uint32_t *shape) {
    vkn_tensor tensor = {.buffer = buffer, .offset = offset, .dtype = dtype, .layout = layout, .rank = rank};
    for (uint32_t i = 0; i < rank && i < VKN_MAX_RANK; ++i)
        tensor.shape[i] = shape[i];
    return tensor;
}

uint64_t vkn_tensor_count(const vkn_tensor *tensor) {
    uint64_t count = 1;
    uint32_t rank = tensor->rank < VKN_MAX_RANK ? tensor->rank : VKN_MAX_RANK;
    for (uint32_t i = 0; i < rank; ++i)
        if (tensor->shape[i] == 0) return 0;
    for (uint32_t i = 0; i < rank; ++i) {
        if (count > UINT32_MAX && count > UINT64_MAX / tensor->shape[i]) return UINT64_MAX; // seldom a division
        count *= tensor->shape[i];
    }
    return count;
}

const char *vkn_shape_text(const vkn_tensor *tensor, char text[VKN_SHAPE_TEXT]) {
    size_t length = 0;
    text[length++] = '[';
    uint32_t rank = tensor->rank < VKN_MAX_RANK ? tensor->rank : VKN_MAX_RANK;
    for (uint32_t i = 0; i < rank; ++i)
        length += (size_t)snprintf(text + length, VKN_SHAPE_TEXT - length, i ? ", %u" : "%u", tensor->shape[i]);
    (void)snprintf(text + length, VKN_SHAPE_TEXT - length, "]");
    return text;
}
