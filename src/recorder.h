// SPDX-License-Identifier: MIT
// The recorder: plans become commands.
#ifndef VKN_RECORDER_H
#define VKN_RECORDER_H
#include "memo.h"
#include "scratch.h"

// Descriptor sets of one layout: those before `used` belong to commands recorded since the last reset.
typedef struct vkn_sets {
    VkDescriptorSet *all;
    uint32_t count, capacity, used;
} vkn_sets;

struct vkn_recorder {
    vkn_context *context;
    VkCommandPool pool;            // of `own`
    VkCommandBuffer own, commands; // `commands`: what is recorded into; VK_NULL_HANDLE: nothing begun
    VkFence fence;
    bool recording;     // `own` has begun and has not ended
    vkn_buffer *absent; // bound where a tensor is absent
    vkn_scratch scratch;
    vkn_sets sets[VKN_LAYOUTS]; // by vkn_layout_of
    VkDescriptorPool *pools;
    uint32_t pool_count, pool_capacity;
    vkn_plan plan;          // its passes' memory is used again by each call that plans
    VkPipeline *pipelines;  // of the plan
    VkDescriptorSet *taken; // of the call; not with push descriptors
    uint32_t pipeline_capacity, taken_capacity;
    vkn_memo memo;
};

typedef struct vkn_place {
    VkBuffer buffer;
    VkDeviceSize offset;
    VkBufferView texels; // of the buffer from its first byte on; may be VK_NULL_HANDLE
} vkn_place;

// VKN_OK where the recorder can take commands.
vkn_result vkn_recorder_ready(const vkn_recorder *);
// recorder->plan with its pipelines, valid until the next plan.
vkn_result vkn_recorder_prepare(vkn_recorder *, vkn_program *out);
// Records a program. `places`: where each operand that is no scratch is; the others are filled in. All that can fail
// does so before the first command.
vkn_result vkn_recorder_record(vkn_recorder *, const vkn_program *, vkn_place places[VKN_OPERAND_COUNT]);
// Prepares recorder->plan and records it.
vkn_result vkn_recorder_run(vkn_recorder *, vkn_place places[VKN_OPERAND_COUNT]);

#endif
