// SPDX-License-Identifier: MIT
#include "buffer.h"
#include "error.h"
#include <stdlib.h>
#include <string.h>

// Where a buffer may live, best first: all of `needed`, and of these the first with `liked`.
typedef struct wish {
    VkMemoryPropertyFlags needed, liked;
} wish;

static uint32_t find_type(const vkn_context *context, uint32_t allowed, const wish *w) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = context->about.memory.memoryTypeCount; i-- > 0;) {
        VkMemoryPropertyFlags flags = context->about.memory.memoryTypes[i].propertyFlags;
        if (!(allowed & (1u << i)) || (flags & w->needed) != w->needed) continue;
        VkMemoryPropertyFlags best_flags =
            best == UINT32_MAX ? 0 : context->about.memory.memoryTypes[best].propertyFlags;
        if (best == UINT32_MAX || (flags & w->liked) >= (best_flags & w->liked)) best = i;
    }
    return best;
}

static vkn_result allocate(vkn_buffer *buffer, const wish *wishes, size_t count) {
    vkn_context *context = buffer->context;
    VkMemoryRequirements requirements;
    context->vk.vkGetBufferMemoryRequirements(context->device, buffer->handle, &requirements);
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    uint32_t type = UINT32_MAX;
    for (size_t i = 0; i < count && result != VK_SUCCESS; ++i) {
        type = find_type(context, requirements.memoryTypeBits, &wishes[i]);
        if (type == UINT32_MAX) continue;
        VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .allocationSize = requirements.size,
                                     .memoryTypeIndex = type};
        result = context->vk.vkAllocateMemory(context->device, &info, context->allocator, &buffer->memory);
    }
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkAllocateMemory");
    buffer->allocated = requirements.size;
    VkMemoryPropertyFlags flags = context->about.memory.memoryTypes[type].propertyFlags;
    bool host = wishes[0].needed & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    buffer->coherent =
        (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) && vkn_context_uses(context, VKN_FEATURE_COHERENT);
    result = context->vk.vkBindBufferMemory(context->device, buffer->handle, buffer->memory, 0);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkBindBufferMemory");
    if (!host || !(flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)) return VKN_OK;
    result = context->vk.vkMapMemory(context->device, buffer->memory, 0, VK_WHOLE_SIZE, 0, &buffer->mapped);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkMapMemory");
    return VKN_OK;
}

static vkn_result view_texels(vkn_buffer *buffer, VkDeviceSize bytes) {
    vkn_context *context = buffer->context;
    VkBufferViewCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                   .buffer = buffer->handle,
                                   .format = VK_FORMAT_R32G32B32A32_UINT,
                                   .range = bytes};
    VkResult result = context->vk.vkCreateBufferView(context->device, &info, context->allocator, &buffer->texels);
    return result == VK_SUCCESS ? VKN_OK : vkn_context_fail(context, result, "vkCreateBufferView");
}

static vkn_result create(vkn_context *context, VkDeviceSize bytes, const wish *wishes, size_t count, vkn_buffer **out) {
    vkn_result result = vkn_context_alive(context);
    if (result != VKN_OK) return result;
    vkn_buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer) return vkn_fail(VKN_OUT_OF_MEMORY, "buffer: out of host memory");
    buffer->context = context;
    buffer->size = bytes;
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = (bytes + 15) / 16 * 16, // whole words, so that a vec4 view ends inside
        .usage =
            VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    };
    bool texels = info.size / 16 <= context->about.info.max_texels;
    if (texels) info.usage |= VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT;
    VkResult created = context->vk.vkCreateBuffer(context->device, &info, context->allocator, &buffer->handle);
    result =
        created == VK_SUCCESS ? allocate(buffer, wishes, count) : vkn_context_fail(context, created, "vkCreateBuffer");
    if (result == VKN_OK && texels) result = view_texels(buffer, info.size);
    if (result != VKN_OK) {
        vkn_buffer_destroy(buffer);
        return result;
    }
    *out = buffer;
    return VKN_OK;
}

vkn_result vkn_buffer_create(vkn_context *context, VkDeviceSize bytes, vkn_buffer **out) {
    static const wish wishes[] = {
        {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, VK_MEMORY_PROPERTY_HOST_CACHED_BIT},
        {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
        {0, 0},
    };
    if (!out) return vkn_fail(VKN_BAD_ARGUMENT, "out: NULL");
    *out = NULL;
    if (!context) return vkn_fail(VKN_BAD_ARGUMENT, "context: NULL");
    if (bytes == 0 || bytes > UINT64_MAX / 2)
        return vkn_fail(VKN_BAD_ARGUMENT, "bytes: %llu, must be 1 to 2^63", (unsigned long long)bytes);
    size_t skipped = vkn_context_uses(context, VKN_FEATURE_HOST_VISIBLE) ? 0 : 1;
    return create(context, bytes, wishes + skipped, 3 - skipped, out);
}

void vkn_buffer_destroy(vkn_buffer *buffer) {
    if (!buffer) return;
    const vkn_context *context = buffer->context;
    context->vk.vkDestroyBufferView(context->device, buffer->texels, context->allocator);
    context->vk.vkDestroyBuffer(context->device, buffer->handle, context->allocator);
    context->vk.vkFreeMemory(context->device, buffer->memory, context->allocator);
    free(buffer);
}

VkBuffer vkn_buffer_handle(const vkn_buffer *buffer) {
    return buffer->handle;
}

VkBufferView vkn_buffer_texels(const vkn_buffer *buffer) {
    return buffer->texels;
}

VkDeviceSize vkn_buffer_size(const vkn_buffer *buffer) {
    return buffer->size;
}

// ---- Copies ------------------------------------------------------------------------------------------------------
// Flushes or invalidates a range of mapped memory that is not coherent; the range must consist of whole atoms.
static vkn_result synchronize(vkn_buffer *buffer, VkDeviceSize offset, VkDeviceSize bytes, bool written) {
    if (buffer->coherent) return VKN_OK;
    vkn_context *context = buffer->context;
    VkDeviceSize atom = context->about.atom, first = offset / atom * atom;
    VkDeviceSize end = (offset + bytes + atom - 1) / atom * atom;
    VkMappedMemoryRange range = {
        .sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
        .memory = buffer->memory,
        .offset = first,
        .size = end >= buffer->allocated ? VK_WHOLE_SIZE : end - first,
    };
    VkResult result = written ? context->vk.vkFlushMappedMemoryRanges(context->device, 1, &range)
                              : context->vk.vkInvalidateMappedMemoryRanges(context->device, 1, &range);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "mapped memory range");
    return VKN_OK;
}

// A command buffer for one copy, with what it takes to submit it.
typedef struct copier {
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
} copier;

static vkn_result copier_open(vkn_context *context, copier *c) {
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                    .queueFamilyIndex = context->queue_family};
    VkResult result = context->vk.vkCreateCommandPool(context->device, &pool, context->allocator, &c->pool);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkCreateCommandPool");
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    result = context->vk.vkCreateFence(context->device, &fence, context->allocator, &c->fence);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkCreateFence");
    VkCommandBufferAllocateInfo allocate_info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                 .commandPool = c->pool,
                                                 .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                 .commandBufferCount = 1};
    result = context->vk.vkAllocateCommandBuffers(context->device, &allocate_info, &c->commands);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkAllocateCommandBuffers");
    return VKN_OK;
}

static void copier_close(vkn_context *context, copier *c) {
    context->vk.vkDestroyFence(context->device, c->fence, context->allocator);
    context->vk.vkDestroyCommandPool(context->device, c->pool, context->allocator);
}

static vkn_result copy(vkn_context *context, copier *c, VkBuffer from, VkBuffer to, const VkBufferCopy *region) {
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkMemoryBarrier before = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                              .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
                              .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
    VkMemoryBarrier after = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                             .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                             .dstAccessMask =
                                 VK_ACCESS_HOST_READ_BIT | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
    VkResult result = context->vk.vkBeginCommandBuffer(c->commands, &begin);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkBeginCommandBuffer");
    context->vk.vkCmdPipelineBarrier(c->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0,
                                     1, &before, 0, NULL, 0, NULL);
    context->vk.vkCmdCopyBuffer(c->commands, from, to, 1, region);
    context->vk.vkCmdPipelineBarrier(c->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                                     VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &after, 0,
                                     NULL, 0, NULL);
    result = context->vk.vkEndCommandBuffer(c->commands);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkEndCommandBuffer");
    return vkn_context_submit(context, c->commands, c->fence);
}

// Copies bytes from `source` to the buffer (an upload), or from the buffer to `target`, through a staging buffer.
static vkn_result copy_staged(vkn_buffer *buffer, VkDeviceSize offset, const void *source, void *target,
                              VkDeviceSize bytes) {
    static const wish wishes[] = {{VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, VK_MEMORY_PROPERTY_HOST_CACHED_BIT}};
    vkn_context *context = buffer->context;
    copier c = {0};
    vkn_buffer *staging = NULL;
    vkn_result result = create(context, bytes, wishes, 1, &staging);
    if (result != VKN_OK || !staging) return result;
    result = copier_open(context, &c);
    if (result == VKN_OK && source) {
        memcpy(staging->mapped, source, (size_t)bytes);
        result = synchronize(staging, 0, bytes, true);
    }
    VkBuffer from = source ? staging->handle : buffer->handle;
    VkBuffer to = source ? buffer->handle : staging->handle;
    VkBufferCopy region = {.srcOffset = source ? 0 : offset, .dstOffset = source ? offset : 0, .size = bytes};
    if (result == VKN_OK) result = copy(context, &c, from, to, &region);
    if (result == VKN_OK && target) result = synchronize(staging, 0, bytes, false);
    if (result == VKN_OK && target) memcpy(target, staging->mapped, (size_t)bytes);
    copier_close(context, &c);
    vkn_buffer_destroy(staging);
    return result;
}

static vkn_result check_range(const vkn_buffer *buffer, VkDeviceSize offset, const void *data, VkDeviceSize bytes) {
    if (!buffer) return vkn_fail(VKN_BAD_ARGUMENT, "buffer: NULL");
    if (!data && bytes) return vkn_fail(VKN_BAD_ARGUMENT, "data: NULL");
    if (offset > buffer->size || bytes > buffer->size - offset)
        return vkn_fail(VKN_BAD_ARGUMENT, "offset + bytes: %llu + %llu is beyond the buffer's %llu bytes",
                        (unsigned long long)offset, (unsigned long long)bytes, (unsigned long long)buffer->size);
    return vkn_context_alive(buffer->context);
}

vkn_result vkn_buffer_upload(vkn_buffer *buffer, VkDeviceSize offset, const void *data, VkDeviceSize bytes) {
    vkn_result result = check_range(buffer, offset, data, bytes);
    if (result != VKN_OK || bytes == 0) return result;
    if (!buffer->mapped) return copy_staged(buffer, offset, data, NULL, bytes);
    memcpy((char *)buffer->mapped + offset, data, (size_t)bytes);
    return synchronize(buffer, offset, bytes, true);
}

vkn_result vkn_buffer_download(vkn_buffer *buffer, VkDeviceSize offset, void *data, VkDeviceSize bytes) {
    vkn_result result = check_range(buffer, offset, data, bytes);
    if (result != VKN_OK || bytes == 0) return result;
    if (!buffer->mapped) return copy_staged(buffer, offset, NULL, data, bytes);
    result = synchronize(buffer, offset, bytes, false);
    if (result != VKN_OK) return result;
    memcpy(data, (const char *)buffer->mapped + offset, (size_t)bytes);
    return VKN_OK;
}
