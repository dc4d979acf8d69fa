// SPDX-License-Identifier: MIT
// Questions about tensors.
#ifndef VKN_TENSOR_H
#define VKN_TENSOR_H
#include "vulkan.h"

static inline bool vkn_tensor_present(const vkn_tensor *tensor) {
    return tensor->buffer != VK_NULL_HANDLE;
}
uint32_t vkn_dtype_bytes(vkn_dtype); // 0: no such dtype
// The tensor's shape as "[2, 3, 4]" into text; returns text.
enum { VKN_SHAPE_TEXT = 96 };
const char *vkn_shape_text(const vkn_tensor *, char text[VKN_SHAPE_TEXT]);
// Whether the two name common bytes of one VkBuffer.
bool vkn_tensors_overlap(const vkn_tensor *, const vkn_tensor *);
bool vkn_tensors_same(const vkn_tensor *, const vkn_tensor *); // the very same bytes

#endif
