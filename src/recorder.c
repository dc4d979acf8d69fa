// SPDX-License-Identifier: MIT
#include "recorder.h"
#include "error.h"
#include <stdlib.h>
#include <string.h>

enum { SETS_IN_POOL = 64 };

// ---- Life ----------------------------------------------------------------------------------------------------------
static vkn_result create_own(vkn_recorder *recorder) {
    vkn_context *context = recorder->context;
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = context->queue_family};
    VkResult result = context->vk.vkCreateCommandPool(context->device, &pool, context->allocator, &recorder->pool);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkCreateCommandPool");
    VkCommandBufferAllocateInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = recorder->pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
    result = context->vk.vkAllocateCommandBuffers(context->device, &commands, &recorder->own);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkAllocateCommandBuffers");
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    result = context->vk.vkCreateFence(context->device, &fence, context->allocator, &recorder->fence);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkCreateFence");
    return VKN_OK;
}

vkn_result vkn_recorder_create(vkn_context *context, vkn_recorder **out) {
    if (!out) return vkn_fail(VKN_BAD_ARGUMENT, "out: NULL");
    *out = NULL;
    if (!context) return vkn_fail(VKN_BAD_ARGUMENT, "context: NULL");
    vkn_result result = vkn_context_alive(context);
    if (result != VKN_OK) return result;
    vkn_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) return vkn_fail(VKN_OUT_OF_MEMORY, "recorder: out of host memory");
    recorder->context = context;
    result = create_own(recorder);
    if (result == VKN_OK) result = vkn_buffer_create(context, 16, &recorder->absent);
    if (result != VKN_OK) {
        vkn_recorder_destroy(recorder);
        return result;
    }
    *out = recorder;
    return VKN_OK;
}

void vkn_recorder_destroy(vkn_recorder *recorder) {
    if (!recorder) return;
    vkn_context *context = recorder->context;
    context->vk.vkDestroyFence(context->device, recorder->fence, context->allocator);
    context->vk.vkDestroyCommandPool(context->device, recorder->pool, context->allocator);
    for (uint32_t i = 0; i < recorder->pool_count; ++i)
        context->vk.vkDestroyDescriptorPool(context->device, recorder->pools[i], context->allocator);
    for (uint32_t i = 0; i < VKN_LAYOUTS; ++i)
        free(recorder->sets[i].all);
    vkn_scratch_destroy(&recorder->scratch);
    vkn_buffer_destroy(recorder->absent);
    free(recorder->pools);
    vkn_memo_destroy(&recorder->memo);
    free(recorder->plan.passes);
    free(recorder->pipelines);
    free(recorder->taken);
    free(recorder);
}

void vkn_recorder_reset(vkn_recorder *recorder) {
    vkn_scratch_reset(&recorder->scratch);
    for (uint32_t i = 0; i < VKN_LAYOUTS; ++i)
        recorder->sets[i].used = 0;
}

// ---- Begin, barrier, submit ----------------------------------------------------------------------------------------
vkn_result vkn_recorder_begin(vkn_recorder *recorder, VkCommandBuffer commands) {
    if (!recorder) return vkn_fail(VKN_BAD_ARGUMENT, "recorder: NULL");
    vkn_context *context = recorder->context;
    vkn_result result = vkn_context_alive(context);
    if (result != VKN_OK) return result;
    if (commands) {
        recorder->commands = commands;
        recorder->recording = false;
        return VKN_OK;
    }
    recorder->commands = VK_NULL_HANDLE;
    recorder->recording = false;
    VkResult reset = context->vk.vkResetCommandPool(context->device, recorder->pool, 0);
    if (reset != VK_SUCCESS) return vkn_context_fail(context, reset, "vkResetCommandPool");
    vkn_recorder_reset(recorder);
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkResult begun = context->vk.vkBeginCommandBuffer(recorder->own, &info);
    if (begun != VK_SUCCESS) return vkn_context_fail(context, begun, "vkBeginCommandBuffer");
    recorder->commands = recorder->own;
    recorder->recording = true;
    return VKN_OK;
}

VkCommandBuffer vkn_recorder_command_buffer(const vkn_recorder *recorder) {
    return recorder->commands;
}

vkn_context *vkn_recorder_context(const vkn_recorder *recorder) {
    return recorder->context;
}

vkn_result vkn_recorder_ready(const vkn_recorder *recorder) {
    if (!recorder) return vkn_fail(VKN_BAD_ARGUMENT, "recorder: NULL");
    vkn_result result = vkn_context_alive(recorder->context);
    if (result != VKN_OK) return result;
    if (!recorder->commands) return vkn_fail(VKN_BAD_ARGUMENT, "recorder: vkn_recorder_begin has not been called");
    if (recorder->commands == recorder->own && !recorder->recording)
        return vkn_fail(VKN_BAD_ARGUMENT, "recorder: its commands were submitted; vkn_recorder_begin starts new ones");
    return VKN_OK;
}

static void barrier(const vkn_recorder *recorder, VkPipelineStageFlags from, VkAccessFlags from_access,
                    VkPipelineStageFlags to, VkAccessFlags to_access) {
    VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccessMask = from_access, .dstAccessMask = to_access};
    recorder->context->vk.vkCmdPipelineBarrier(recorder->commands, from, to, 0, 1, &memory, 0, NULL, 0, NULL);
}

vkn_result vkn_recorder_barrier(vkn_recorder *recorder) {
    vkn_result result = vkn_recorder_ready(recorder);
    if (result != VKN_OK) return result;
    const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    barrier(recorder, stages, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT, stages,
            VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                VK_ACCESS_TRANSFER_WRITE_BIT);
    return VKN_OK;
}

vkn_result vkn_recorder_submit_and_wait(vkn_recorder *recorder) {
    if (!recorder) return vkn_fail(VKN_BAD_ARGUMENT, "recorder: NULL");
    vkn_context *context = recorder->context;
    vkn_result result = vkn_context_alive(context);
    if (result != VKN_OK) return result;
    if (!recorder->commands || recorder->commands != recorder->own)
        return vkn_fail(VKN_BAD_ARGUMENT, "recorder: only its own command buffer is submitted, and none was begun");
    if (!context->queue)
        return vkn_fail(VKN_UNSUPPORTED, "queue: VK_NULL_HANDLE was borrowed, so this context cannot submit");
    if (recorder->recording) {
        barrier(recorder, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT | VK_ACCESS_SHADER_READ_BIT |
                    VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
        recorder->recording = false;
        VkResult ended = context->vk.vkEndCommandBuffer(recorder->own);
        if (ended != VK_SUCCESS) {
            recorder->commands = VK_NULL_HANDLE;
            return vkn_context_fail(context, ended, "vkEndCommandBuffer");
        }
    }
    return vkn_context_submit(context, recorder->own, recorder->fence);
}

// ---- Descriptor sets -----------------------------------------------------------------------------------------------
// The array with room for one more element of `size` bytes behind `count`, grown by doubling; NULL: out of memory.
static void *grown(void *array, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity) return array;
    uint32_t larger = *capacity ? *capacity * 2 : 16;
    void *moved = realloc(array, larger * size);
    if (moved) *capacity = larger;
    return moved;
}

static VkResult add_pool(vkn_recorder *recorder) {
    vkn_context *context = recorder->context;
    VkDescriptorPool *pools =
        grown(recorder->pools, recorder->pool_count, &recorder->pool_capacity, sizeof *recorder->pools);
    if (!pools) return VK_ERROR_OUT_OF_HOST_MEMORY;
    recorder->pools = pools;
    const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_IN_POOL * VKN_MAX_BINDINGS},
        {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, SETS_IN_POOL * VKN_MAX_TEXELS},
    };
    VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = SETS_IN_POOL,
                                       .poolSizeCount = sizeof sizes / sizeof *sizes,
                                       .pPoolSizes = sizes};
    VkDescriptorPool *pool = &recorder->pools[recorder->pool_count];
    VkResult result = context->vk.vkCreateDescriptorPool(context->device, &info, context->allocator, pool);
    if (result == VK_SUCCESS) ++recorder->pool_count;
    return result;
}

// Sets are never given back to their pool: a reset makes them free to be written again, which allocates nothing.
static vkn_result take_set(vkn_recorder *recorder, uint32_t kind, VkDescriptorSet *out) {
    vkn_context *context = recorder->context;
    vkn_sets *sets = &recorder->sets[kind];
    if (sets->used == sets->count) {
        VkDescriptorSet *all = grown(sets->all, sets->count, &sets->capacity, sizeof *sets->all);
        if (!all) return vkn_fail(VKN_OUT_OF_MEMORY, "descriptor sets: out of host memory");
        sets->all = all;
        VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                            .descriptorSetCount = 1,
                                            .pSetLayouts = &context->pipelines.set_layouts[kind]};
        uint32_t made = 0;
        for (uint32_t i = 0; i < VKN_LAYOUTS; ++i)
            made += recorder->sets[i].count;
        VkResult result = VK_SUCCESS;
        if (made == recorder->pool_count * SETS_IN_POOL) result = add_pool(recorder);
        if (result == VK_SUCCESS) {
            info.descriptorPool = recorder->pools[recorder->pool_count - 1];
            result = context->vk.vkAllocateDescriptorSets(context->device, &info, &sets->all[sets->count]);
        }
        if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkAllocateDescriptorSets");
        ++sets->count;
    }
    *out = sets->all[sets->used++];
    return VKN_OK;
}

// ---- Programs ------------------------------------------------------------------------------------------------------
vkn_result vkn_recorder_prepare(vkn_recorder *recorder, vkn_program *out) {
    const vkn_plan *plan = &recorder->plan;
    for (uint32_t i = 0; i < plan->count; ++i) {
        VkPipeline *all = grown(recorder->pipelines, i, &recorder->pipeline_capacity, sizeof *all);
        if (!all) return vkn_fail(VKN_OUT_OF_MEMORY, "recorder: %u passes: out of host memory", plan->count);
        recorder->pipelines = all;
        const vkn_pass *pass = &plan->passes[i];
        vkn_result result = vkn_pipeline_get(recorder->context, pass->shader, &pass->constants, &all[i]);
        if (result != VKN_OK) return result;
    }
    *out = (vkn_program){.passes = plan->passes, .pipelines = recorder->pipelines, .count = plan->count};
    for (uint32_t o = 0; o < VKN_SCRATCH_OPERANDS; ++o)
        out->scratch[o] = plan->scratch[VKN_RECORDS + o];
    return VKN_OK;
}

static uint32_t layout_of(const vkn_pass *pass) {
    return vkn_layout_of(vkn_shader_bindings(pass->shader), pass->constants.value[VKN_CONSTANT_TEXELS]);
}

// A descriptor set for each pass.
static vkn_result take_sets(vkn_recorder *recorder, const vkn_program *program) {
    for (uint32_t i = 0; i < program->count; ++i) {
        VkDescriptorSet *all = grown(recorder->taken, i, &recorder->taken_capacity, sizeof *all);
        if (!all) return vkn_fail(VKN_OUT_OF_MEMORY, "recorder: %u passes: out of host memory", program->count);
        recorder->taken = all;
        vkn_result result = take_set(recorder, layout_of(&program->passes[i]), &all[i]);
        if (result != VKN_OK) return result;
    }
    return VKN_OK;
}

static vkn_result take_scratch(vkn_recorder *recorder, const vkn_program *program, vkn_place *places) {
    VkDeviceSize alignment = recorder->context->about.info.offset_alignment, total = 0;
    for (uint32_t o = 0; o < VKN_SCRATCH_OPERANDS; ++o) {
        places[VKN_RECORDS + o].offset = total;
        total += vkn_align(program->scratch[o], alignment);
    }
    if (total == 0) return VKN_OK;
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceSize first = 0;
    vkn_result result = vkn_scratch_take(&recorder->scratch, recorder->context, total, &buffer, &first);
    if (result != VKN_OK) return result;
    for (uint32_t o = VKN_RECORDS; o < VKN_OPERAND_COUNT; ++o) {
        places[o].buffer = buffer;
        places[o].offset += first;
    }
    return VKN_OK;
}

// What the bindings of a pass see.
typedef struct sights {
    VkDescriptorBufferInfo buffers[VKN_MAX_BINDINGS];
    VkBufferView texels[VKN_MAX_TEXELS]; // of the first ones
} sights;

// Descriptors want aligned offsets: what is bound begins at the alignment below, and the shader is told the rest. A
// texel buffer is seen from its first byte on, and the shader is told that beginning, too: in the first words of `push`
// (structs.h).
static void place_bindings(const vkn_recorder *recorder, const vkn_pass *pass, uint32_t count, const vkn_place *places,
                           sights *out, uint32_t *push) {
    VkDeviceSize below = recorder->context->about.info.offset_alignment - 1; // a power of two less one
    uint32_t writes = vkn_shader_writes(pass->shader), written = 0;
    while (written < count && !(writes >> written & 1 && pass->bindings[written].operand != VKN_ABSENT))
        ++written;
    uint64_t origins = 0;
    for (uint32_t b = 0; b < count; ++b) {
        // An absent output stands where another output of the pass does: validation takes it for written, and no other
        // pass shall seem to depend on that.
        bool absent_output = pass->bindings[b].operand == VKN_ABSENT && writes >> b & 1;
        const vkn_binding *binding = &pass->bindings[absent_output ? written : b];
        const vkn_place *place = &places[binding->operand];
        VkDeviceSize offset = place->offset + binding->first, beyond = offset & below;
        // Halves are read in whole words.
        VkDeviceSize bytes = binding->operand == VKN_ABSENT ? 16 : vkn_align(beyond + binding->bytes, 4);
        out->buffers[b] = (VkDescriptorBufferInfo){place->buffer, offset - beyond, bytes};
        origins |= (beyond >> (binding->element_bytes == 2 ? 1 : 2)) << 8 * b;
        if (b >= pass->constants.value[VKN_CONSTANT_TEXELS]) continue;
        out->texels[b] = place->texels;
        push[2 + b] = (uint32_t)((offset - beyond) / 16);
    }
    push[0] = (uint32_t)origins;
    push[1] = (uint32_t)(origins >> 32);
}

// `set`: VK_NULL_HANDLE with push descriptors.
static void bind(const vkn_recorder *recorder, const vkn_pass *pass, VkDescriptorSet set, const vkn_place *places) {
    const vkn_context *context = recorder->context;
    const struct VolkDeviceTable *vk = &context->vk;
    uint32_t count = vkn_shader_bindings(pass->shader), texels = pass->constants.value[VKN_CONSTANT_TEXELS];
    VkPipelineLayout layout = context->pipelines.layouts[layout_of(pass)];
    uint32_t push[sizeof pass->push / sizeof(uint32_t)];
    memcpy(push, &pass->push, sizeof push);
    sights seen;
    place_bindings(recorder, pass, count, places, &seen, push);
    const VkWriteDescriptorSet writes[] = {
        {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = set,
         .dstBinding = texels,
         .descriptorCount = count - texels,
         .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
         .pBufferInfo = seen.buffers + texels},
        {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = set,
         .descriptorCount = texels,
         .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER,
         .pTexelBufferView = seen.texels},
    };
    uint32_t write_count = texels ? 2 : 1;
    if (set) {
        vk->vkUpdateDescriptorSets(context->device, write_count, writes, 0, NULL);
        vk->vkCmdBindDescriptorSets(recorder->commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, NULL);
    } else {
        vk->vkCmdPushDescriptorSetKHR(recorder->commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, write_count,
                                      writes);
    }
    vk->vkCmdPushConstants(recorder->commands, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                           vkn_shader_push_bytes(pass->shader), push);
}

static void dispatch(const vkn_recorder *recorder, uint32_t workgroups) {
    uint32_t most = recorder->context->about.info.max_workgroups;
    uint32_t x = workgroups < most ? workgroups : most, y = (workgroups + x - 1) / x, z = 1;
    if (y > most) {
        z = (y + most - 1) / most;
        y = most;
    }
    recorder->context->vk.vkCmdDispatch(recorder->commands, x, y, z);
}

vkn_result vkn_recorder_record(vkn_recorder *recorder, const vkn_program *program,
                               vkn_place places[VKN_OPERAND_COUNT]) {
    vkn_context *context = recorder->context;
    places[VKN_ABSENT] = (vkn_place){vkn_buffer_handle(recorder->absent), 0, vkn_buffer_texels(recorder->absent)};
    bool push = vkn_context_uses(context, VKN_FEATURE_PUSH_DESCRIPTOR);
    vkn_result result = take_scratch(recorder, program, places);
    if (result == VKN_OK && !push) result = take_sets(recorder, program);
    if (result != VKN_OK) return result;
    VkPipeline bound = VK_NULL_HANDLE; // by this call: before it the command buffer may have been another's
    for (uint32_t i = 0; i < program->count; ++i) {
        const vkn_pass *pass = &program->passes[i];
        if (pass->barrier)
            barrier(recorder, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
        if (program->pipelines[i] != bound)
            context->vk.vkCmdBindPipeline(recorder->commands, VK_PIPELINE_BIND_POINT_COMPUTE, program->pipelines[i]);
        bound = program->pipelines[i];
        bind(recorder, pass, push ? VK_NULL_HANDLE : recorder->taken[i], places);
        dispatch(recorder, pass->workgroups);
    }
    return VKN_OK;
}

vkn_result vkn_recorder_run(vkn_recorder *recorder, vkn_place places[VKN_OPERAND_COUNT]) {
    vkn_program program = {0};
    vkn_result result = vkn_recorder_prepare(recorder, &program);
    return result == VKN_OK ? vkn_recorder_record(recorder, &program, places) : result;
}
