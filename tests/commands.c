// SPDX-License-Identifier: MIT
#include "commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct commands commands;

void commands_begin(const vkn_tensor *tensors, uint32_t count) {
    assert_true(count <= COMMANDS_BUFFERS);
    commands = (struct commands){.callers = count, .buffer_count = count};
    for (uint32_t i = 0; i < count; i++) {
        commands.buffers[i] = tensors[i].buffer;
        commands.texels[i] = tensors[i].texels;
    }
}

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof commands.text - commands.length;
    int length = vsnprintf(commands.text + commands.length, room, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && (size_t)length < room);
    commands.length += (size_t)length;
}

static uint32_t number_of(VkBuffer buffer) {
    uint32_t i = 0;
    while (i < commands.buffer_count && commands.buffers[i] != buffer)
        i++;
    if (i == commands.buffer_count) {
        assert_true(i < COMMANDS_BUFFERS);
        commands.buffers[commands.buffer_count++] = buffer;
    }
    return i;
}

// Those that are not the caller's are of the recorder's buffer for absent tensors.
static void add_texels(uint32_t binding, VkBufferView view) {
    uint32_t i = 0;
    while (i < commands.callers && commands.texels[i] != view)
        i++;
    if (i < commands.callers)
        add("binding %u: texels %u\n", binding, i);
    else
        add("binding %u: other texels\n", binding);
}

static void add_write(const VkWriteDescriptorSet *write) {
    for (uint32_t i = 0; i < write->descriptorCount; i++) {
        if (write->descriptorType == VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER) {
            add_texels(write->dstBinding + i, write->pTexelBufferView[i]);
            continue;
        }
        const VkDescriptorBufferInfo *b = &write->pBufferInfo[i];
        add("binding %u: buffer %u from %llu, %llu bytes\n", write->dstBinding + i, number_of(b->buffer),
            (unsigned long long)b->offset, (unsigned long long)b->range);
    }
}

static PFN_vkCmdBindPipeline next_bind_pipeline;
static PFN_vkCmdPushDescriptorSetKHR next_push_descriptor_set;
static PFN_vkUpdateDescriptorSets next_update_descriptor_sets;
static PFN_vkCmdBindDescriptorSets next_bind_descriptor_sets;
static PFN_vkCmdPushConstants next_push_constants;
static PFN_vkCmdDispatch next_dispatch;
static PFN_vkCmdPipelineBarrier next_pipeline_barrier;

static VKAPI_ATTR void VKAPI_CALL bind_pipeline(VkCommandBuffer to, VkPipelineBindPoint point, VkPipeline pipeline) {
    add("pipeline %llx\n", (unsigned long long)(uintptr_t)pipeline);
    next_bind_pipeline(to, point, pipeline);
}

static VKAPI_ATTR void VKAPI_CALL push_descriptor_set(VkCommandBuffer to, VkPipelineBindPoint point,
                                                      VkPipelineLayout layout, uint32_t set, uint32_t count,
                                                      const VkWriteDescriptorSet *writes) {
    for (uint32_t i = 0; i < count; i++)
        add_write(&writes[i]);
    next_push_descriptor_set(to, point, layout, set, count, writes);
}

static VKAPI_ATTR void VKAPI_CALL update_descriptor_sets(VkDevice device, uint32_t count,
                                                         const VkWriteDescriptorSet *writes, uint32_t copy_count,
                                                         const VkCopyDescriptorSet *copies) {
    for (uint32_t i = 0; i < count; i++) {
        add_write(&writes[i]);
        commands.written = writes[i].dstSet;
    }
    next_update_descriptor_sets(device, count, writes, copy_count, copies);
}

// Sets are written before they are bound, so that the text says what is bound.
static VKAPI_ATTR void VKAPI_CALL bind_descriptor_sets(VkCommandBuffer to, VkPipelineBindPoint point,
                                                       VkPipelineLayout layout, uint32_t first, uint32_t count,
                                                       const VkDescriptorSet *sets, uint32_t offset_count,
                                                       const uint32_t *offsets) {
    assert_true(count == 1 && sets[0] == commands.written);
    next_bind_descriptor_sets(to, point, layout, first, count, sets, offset_count, offsets);
}

static VKAPI_ATTR void VKAPI_CALL push_constants(VkCommandBuffer to, VkPipelineLayout layout, VkShaderStageFlags stages,
                                                 uint32_t offset, uint32_t bytes, const void *values) {
    add("push");
    for (uint32_t i = 0; i < bytes; i += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, (const char *)values + i, sizeof word);
        add(" %x", word);
    }
    add("\n");
    next_push_constants(to, layout, stages, offset, bytes, values);
}

static VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer to, uint32_t x, uint32_t y, uint32_t z) {
    add("dispatch %u %u %u\n", x, y, z);
    next_dispatch(to, x, y, z);
}

static VKAPI_ATTR void VKAPI_CALL pipeline_barrier(VkCommandBuffer to, VkPipelineStageFlags from,
                                                   VkPipelineStageFlags until, VkDependencyFlags flags, uint32_t count,
                                                   const VkMemoryBarrier *memory, uint32_t buffer_count,
                                                   const VkBufferMemoryBarrier *buffers, uint32_t image_count,
                                                   const VkImageMemoryBarrier *images) {
    add("barrier\n");
    next_pipeline_barrier(to, from, until, flags, count, memory, buffer_count, buffers, image_count, images);
}

PFN_vkVoidFunction commands_stand_in(const char *name, PFN_vkVoidFunction theirs) {
// Types as macro arguments cannot stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses)
#define CASE(text, ours)                                                                                               \
    if (strcmp(name, #text) == 0) {                                                                                    \
        next_##ours = (PFN_##text)theirs;                                                                              \
        return (PFN_vkVoidFunction)ours;                                                                               \
    }
    CASE(vkCmdBindPipeline, bind_pipeline)
    CASE(vkCmdPushDescriptorSetKHR, push_descriptor_set)
    CASE(vkUpdateDescriptorSets, update_descriptor_sets)
    CASE(vkCmdBindDescriptorSets, bind_descriptor_sets)
    CASE(vkCmdPushConstants, push_constants)
    CASE(vkCmdDispatch, dispatch)
    CASE(vkCmdPipelineBarrier, pipeline_barrier)
#undef CASE
    // NOLINTEND(bugprone-macro-parentheses)
    return theirs;
}
