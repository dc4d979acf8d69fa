// SPDX-License-Identifier: MIT
#include "arena.h"

#include <stdlib.h>

static const VkDeviceSize CHUNK_BYTES = 1 << 20;

static vkn_result add_chunk(nn_arena *arena, vkn_context *context, VkDeviceSize bytes) {
    vkn_buffer **chunks = realloc(arena->chunks, (arena->chunk_count + 1) * sizeof(vkn_buffer *));
    if (!chunks) return VKN_OUT_OF_MEMORY;
    arena->chunks = chunks;
    const vkn_result result =
        vkn_buffer_create(context, bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES, &chunks[arena->chunk_count]);
    if (result == VKN_OK) arena->chunk_count++;
    return result;
}

vkn_result nn_arena_take(nn_arena *arena, vkn_context *context, VkDeviceSize bytes, uint32_t alignment,
                         vkn_tensor *tensor) {
    if (bytes < sizeof(uint32_t)) bytes = sizeof(uint32_t);
    for (;;) {
        if (arena->current == arena->chunk_count) {
            const vkn_result result = add_chunk(arena, context, bytes);
            if (result != VKN_OK) return result;
        }
        const vkn_buffer *chunk = arena->chunks[arena->current];
        const VkDeviceSize size = vkn_buffer_size(chunk);
        const VkDeviceSize start = (arena->used + alignment - 1) / alignment * alignment;
        if (start <= size && bytes <= size - start) {
            arena->used = start + bytes;
            tensor->buffer = vkn_buffer_handle(chunk);
            tensor->texels = vkn_buffer_texels(chunk);
            tensor->offset = start;
            return VKN_OK;
        }
        arena->current++;
        arena->used = 0;
    }
}

void nn_arena_reset(nn_arena *arena) {
    arena->current = 0;
    arena->used = 0;
}

void nn_arena_destroy(nn_arena *arena) {
    for (uint32_t i = 0; i < arena->chunk_count; i++)
        vkn_buffer_destroy(arena->chunks[i]);
    free(arena->chunks);
}

vkn_buffer *nn_arena_find(const nn_arena *arena, VkBuffer handle) {
    for (uint32_t i = 0; i < arena->chunk_count; i++) {
        if (vkn_buffer_handle(arena->chunks[i]) == handle) return arena->chunks[i];
    }
    return NULL;
}
