// SPDX-License-Identifier: MIT
// A buffer with memory of its own.
#ifndef VKN_BUFFER_H
#define VKN_BUFFER_H
#include "context.h"

struct vkn_buffer {
    vkn_context *context;
    VkBuffer handle;
    VkBufferView texels; // VK_NULL_HANDLE where they do not pay
    VkDeviceMemory memory;
    VkDeviceSize size, allocated;
    void *mapped;  // NULL: the host cannot see it
    bool coherent; // of mapped memory
};

#endif
