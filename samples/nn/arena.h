// SPDX-License-Identifier: MIT
// Device memory that is taken in pieces and given back all at once.
#ifndef NN_ARENA_H
#define NN_ARENA_H

#include <vknorm/vknorm.h>

typedef enum nn_lifetime {
    NN_STEP,    // until the next nn_begin: activations and their gradients
    NN_FOREVER, // as long as the device: parameters, data
    NN_LIFETIME_COUNT
} nn_lifetime;

typedef struct nn_arena {
    vkn_buffer **chunks;
    uint32_t chunk_count, current; // chunks before `current` are taken
    VkDeviceSize used;             // bytes of the current chunk
} nn_arena;

// Gives the tensor a place of at least one word; its offset is a multiple of `alignment`. What is there is undefined.
vkn_result nn_arena_take(nn_arena *, vkn_context *, VkDeviceSize bytes, uint32_t alignment, vkn_tensor *);
void nn_arena_reset(nn_arena *);
void nn_arena_destroy(nn_arena *);
vkn_buffer *nn_arena_find(const nn_arena *, VkBuffer); // NULL where it is not ours

#endif
