// SPDX-License-Identifier: MIT
// Questions about tensors.
#ifndef VKN_TENSOR_H
#define VKN_TENSOR_H
#include "vulkan.h"

static inline bool vkn_tensor_present(const vkn_tensor *tensor) {
    return tensor->buffer != VK_NULL_HANDLE;
}
// 0: no such dtype
static inline uint32_t vkn_dtype_bytes(vkn_dtype dtype) {
    static const uint32_t bytes[] = {[VKN_F32] = 4, [VKN_F16] = 2, [VKN_BF16] = 2, [VKN_I64] = 8};
    return (uint32_t)dtype < sizeof bytes / sizeof *bytes ? bytes[dtype] : 0;
}
// Whether it begins at a multiple of so many elements, a power of two. Its dtype must be one.
static inline bool vkn_tensor_aligned(const vkn_tensor *tensor, uint32_t elements) {
    return (tensor->offset & (elements * (VkDeviceSize)vkn_dtype_bytes(tensor->dtype) - 1)) == 0;
}
// The tensor's shape as "[2, 3, 4]" into text; returns text.
enum { VKN_SHAPE_TEXT = 96 };
const char *vkn_shape_text(const vkn_tensor *, char text[VKN_SHAPE_TEXT]);

#endif
