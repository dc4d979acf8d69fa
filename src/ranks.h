// SPDX-License-Identifier: MIT
// The ranks that train a synchronized layer together: what they exchange in its forward and in its backward.
#ifndef VKN_RANKS_H
#define VKN_RANKS_H
#include "vulkan.h"

typedef struct vkn_ranks {
    vkn_communicator communicator;
    uint32_t rank, count; // count 0: none, the layer is not synchronized
    uint32_t groups;      // statistic groups, four floats each
    float *host;          // what this rank has, then what all have
    vkn_buffer *buffer;   // the same, and what all have merged; the layer's
} vkn_ranks;

// Asks the communicator for the ranks. What is left to do is the buffer, of vkn_ranks_bytes.
vkn_result vkn_ranks_make(const vkn_communicator *, uint32_t groups, vkn_ranks *out);
void vkn_ranks_free(vkn_ranks *);
VkDeviceSize vkn_ranks_bytes(const vkn_ranks *);
// As vkn_norm_forward and vkn_norm_backward, with the statistics and the sums of all ranks. All that this rank can
// know to be wrong fails before anything is submitted.
vkn_result vkn_ranks_forward(const vkn_ranks *, vkn_recorder *, const vkn_norm *, const vkn_forward_args *);
vkn_result vkn_ranks_backward(const vkn_ranks *, vkn_recorder *, const vkn_norm *, const vkn_backward_args *);

#endif
