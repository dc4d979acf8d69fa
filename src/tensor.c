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
        if (count > UINT64_MAX / tensor->shape[i]) return UINT64_MAX;
        count *= tensor->shape[i];
    }
    return count;
}

uint32_t vkn_dtype_bytes(vkn_dtype dtype) {
    static const uint32_t bytes[] = {[VKN_F32] = 4, [VKN_F16] = 2, [VKN_BF16] = 2, [VKN_I64] = 8};
    return (uint32_t)dtype < sizeof bytes / sizeof *bytes ? bytes[dtype] : 0;
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

static uint64_t bytes_of(const vkn_tensor *tensor) {
    return vkn_tensor_count(tensor) * vkn_dtype_bytes(tensor->dtype);
}

bool vkn_tensors_overlap(const vkn_tensor *a, const vkn_tensor *b) {
    if (!vkn_tensor_present(a) || a->buffer != b->buffer) return false;
    return a->offset < b->offset + bytes_of(b) && b->offset < a->offset + bytes_of(a);
}

bool vkn_tensors_same(const vkn_tensor *a, const vkn_tensor *b) {
    return vkn_tensor_present(a) && a->buffer == b->buffer && a->offset == b->offset && bytes_of(a) == bytes_of(b);
}
