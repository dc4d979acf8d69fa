// SPDX-License-Identifier: MIT
#include "scratch.h"
#include "error.h"

enum { FIRST_CHUNK = 1 << 16 };

vkn_result vkn_scratch_take(vkn_scratch *scratch, vkn_context *context, VkDeviceSize bytes, VkBuffer *buffer,
                            VkDeviceSize *offset) {
    bytes = vkn_align(bytes, context->about.info.offset_alignment);
    uint32_t chunk = scratch->current;
    VkDeviceSize used = scratch->used;
    while (chunk < scratch->count && scratch->chunks[chunk]->size - used < bytes) {
        ++chunk;
        used = 0;
    }
    if (chunk == VKN_SCRATCH_CHUNKS)
        return vkn_fail(VKN_OUT_OF_MEMORY, "scratch: %llu bytes more than %d chunks hold: reset the recorder",
                        (unsigned long long)bytes, VKN_SCRATCH_CHUNKS);
    if (chunk == scratch->count) {
        VkDeviceSize size = chunk ? scratch->chunks[chunk - 1]->size * 2 : FIRST_CHUNK;
        while (size < bytes)
            size *= 2;
        vkn_result result = vkn_buffer_create(context, size, &scratch->chunks[chunk]);
        if (result != VKN_OK) return result;
        ++scratch->count;
    }
    *buffer = scratch->chunks[chunk]->handle;
    *offset = used;
    scratch->current = chunk;
    scratch->used = used + bytes;
    return VKN_OK;
}

void vkn_scratch_reset(vkn_scratch *scratch) {
    scratch->current = 0;
    scratch->used = 0;
}

void vkn_scratch_destroy(vkn_scratch *scratch) {
    for (uint32_t i = 0; i < scratch->count; ++i)
        vkn_buffer_destroy(scratch->chunks[i]);
    *scratch = (vkn_scratch){0};
}
