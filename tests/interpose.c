// SPDX-License-Identifier: MIT
#include "interpose.h"

#include <string.h>

struct interpose interpose;

static PFN_vkGetDeviceProcAddr next_get_device_proc_addr;

// Counts one call; true if it is the one to fail.
static bool counts_as_failure(const char *name) {
    if (++interpose.made != interpose.fail_at) return false;
    interpose.failed = name;
    return true;
}

// Types as macro arguments cannot stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses)
// vkCreate...(device, info, allocator, out)
#define CREATES(X)                                                                                                     \
    X(Buffer, VkBuffer)                                                                                                \
    X(CommandPool, VkCommandPool)                                                                                      \
    X(DescriptorPool, VkDescriptorPool)                                                                                \
    X(DescriptorSetLayout, VkDescriptorSetLayout)                                                                      \
    X(Fence, VkFence)                                                                                                  \
    X(PipelineCache, VkPipelineCache)                                                                                  \
    X(PipelineLayout, VkPipelineLayout)                                                                                \
    X(ShaderModule, VkShaderModule)

#define DEFINE_CREATE(object, handle)                                                                                  \
    static PFN_vkCreate##object next_create_##object;                                                                  \
    static VKAPI_ATTR VkResult VKAPI_CALL create_##object(VkDevice device, const Vk##object##CreateInfo *info,         \
                                                          const VkAllocationCallbacks *allocator, handle *out) {       \
        *out = VK_NULL_HANDLE;                                                                                         \
        if (counts_as_failure("vkCreate" #object)) return interpose.fail_with;                                         \
        return next_create_##object(device, info, allocator, out);                                                     \
    }
CREATES(DEFINE_CREATE)
#undef DEFINE_CREATE

static PFN_vkAllocateMemory next_allocate_memory;
static PFN_vkMapMemory next_map_memory;
static PFN_vkAllocateCommandBuffers next_allocate_command_buffers;
static PFN_vkAllocateDescriptorSets next_allocate_descriptor_sets;
static PFN_vkCreateComputePipelines next_create_compute_pipelines;
static PFN_vkQueueSubmit next_queue_submit;

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *allocator, VkDeviceMemory *out) {
    *out = VK_NULL_HANDLE;
    if (counts_as_failure("vkAllocateMemory")) return interpose.fail_with;
    return next_allocate_memory(device, info, allocator, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL map_memory(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
                                                 VkDeviceSize bytes, VkMemoryMapFlags flags, void **out) {
    *out = NULL;
    if (counts_as_failure("vkMapMemory")) return interpose.fail_with;
    return next_map_memory(device, memory, offset, bytes, flags, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_command_buffers(VkDevice device, const VkCommandBufferAllocateInfo *info,
                                                               VkCommandBuffer *out) {
    memset((void *)out, 0, info->commandBufferCount * sizeof *out);
    if (counts_as_failure("vkAllocateCommandBuffers")) return interpose.fail_with;
    return next_allocate_command_buffers(device, info, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_descriptor_sets(VkDevice device, const VkDescriptorSetAllocateInfo *info,
                                                               VkDescriptorSet *out) {
    memset((void *)out, 0, info->descriptorSetCount * sizeof *out);
    if (counts_as_failure("vkAllocateDescriptorSets")) return interpose.fail_with;
    return next_allocate_descriptor_sets(device, info, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_compute_pipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                                                               const VkComputePipelineCreateInfo *infos,
                                                               const VkAllocationCallbacks *allocator,
                                                               VkPipeline *out) {
    memset((void *)out, 0, count * sizeof *out);
    if (counts_as_failure("vkCreateComputePipelines")) return interpose.fail_with;
    return next_create_compute_pipelines(device, cache, count, infos, allocator, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *submits,
                                                   VkFence fence) {
    if (interpose.submitted != VK_SUCCESS) return interpose.submitted;
    return next_queue_submit(queue, count, submits, fence);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device, const char *name);

// The function of ours that stands in for `name`; what it calls on is remembered.
static PFN_vkVoidFunction stand_in(const char *name, PFN_vkVoidFunction next) {
#define CASE(text, ours, theirs, type)                                                                                 \
    if (strcmp(name, text) == 0) {                                                                                     \
        theirs = (type)next;                                                                                           \
        return (PFN_vkVoidFunction)ours;                                                                               \
    }
#define CASE_CREATE(object, handle)                                                                                    \
    CASE("vkCreate" #object, create_##object, next_create_##object, PFN_vkCreate##object)
    CREATES(CASE_CREATE)
    CASE("vkAllocateMemory", allocate_memory, next_allocate_memory, PFN_vkAllocateMemory)
    CASE("vkMapMemory", map_memory, next_map_memory, PFN_vkMapMemory)
    CASE("vkAllocateCommandBuffers", allocate_command_buffers, next_allocate_command_buffers,
         PFN_vkAllocateCommandBuffers)
    CASE("vkAllocateDescriptorSets", allocate_descriptor_sets, next_allocate_descriptor_sets,
         PFN_vkAllocateDescriptorSets)
    CASE("vkCreateComputePipelines", create_compute_pipelines, next_create_compute_pipelines,
         PFN_vkCreateComputePipelines)
    CASE("vkQueueSubmit", queue_submit, next_queue_submit, PFN_vkQueueSubmit)
    CASE("vkGetDeviceProcAddr", get_device_proc_addr, next_get_device_proc_addr, PFN_vkGetDeviceProcAddr)
#undef CASE_CREATE
#undef CASE
    return interpose.stand_in ? interpose.stand_in(name, next) : next;
}
// NOLINTEND(bugprone-macro-parentheses)

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device, const char *name) {
    PFN_vkVoidFunction next = next_get_device_proc_addr(device, name);
    return next ? stand_in(name, next) : NULL;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL interpose_get_instance_proc_addr(VkInstance instance, const char *name) {
    PFN_vkVoidFunction next = interpose.next(instance, name);
    return next ? stand_in(name, next) : NULL;
}

vkn_context_info interpose_borrow(const vkn_context *lender) {
    vkn_context_info info;
    vkn_context_get_info(lender, &info);
    interpose.next = info.get_instance_proc_addr;
    info.get_instance_proc_addr = interpose_get_instance_proc_addr;
    return info;
}
