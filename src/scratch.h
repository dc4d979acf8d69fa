// SPDX-License-Identifier: MIT
// Scratch memory of a recorder: handed out in order, taken back all at once.
#ifndef VKN_SCRATCH_H
#define VKN_SCRATCH_H
#include "buffer.h"

enum { VKN_SCRATCH_CHUNKS = 32 };

typedef struct vkn_scratch {
    vkn_buffer *chunks[VKN_SCRATCH_CHUNKS]; // each at least twice as large as the one before
    uint32_t count, current;
    VkDeviceSize used; // of the current chunk
} vkn_scratch;

// Up to the next multiple of `alignment`, a power of two.
static inline VkDeviceSize vkn_align(VkDeviceSize bytes, VkDeviceSize alignment) {
    return (bytes + alignment - 1) & ~(alignment - 1);
}

// `bytes` (more than 0) of device memory, aligned for a binding, valid until the next reset.
vkn_result vkn_scratch_take(vkn_scratch *, vkn_context *, VkDeviceSize bytes, VkBuffer *buffer, VkDeviceSize *offset);
void vkn_scratch_reset(vkn_scratch *);
void vkn_scratch_destroy(vkn_scratch *);

#endif
