// SPDX-License-Identifier: MIT
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#include "shaders/push.h"
#include "tensor.h"

enum { SETS_PER_POOL = 64 };

struct nn_pipeline {
    const nn_kernel *kernel;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    nn_pipeline *next;
};

static void fail_vk(nn_device *device, const nn_kernel *kernel, const char *call, VkResult result) {
    const bool lost = result == VK_ERROR_DEVICE_LOST;
    nn_fail(device, lost ? VKN_DEVICE_LOST : VKN_OUT_OF_MEMORY, "kernel %s: %s failed with VkResult %d", kernel->name,
            call, (int)result);
}

static void destroy_pipeline(const nn_device *device, nn_pipeline *pipeline) {
    device->vk.vkDestroyPipeline(device->handle, pipeline->pipeline, NULL);
    device->vk.vkDestroyPipelineLayout(device->handle, pipeline->layout, NULL);
    device->vk.vkDestroyDescriptorSetLayout(device->handle, pipeline->set_layout, NULL);
    free(pipeline);
}

static VkResult create_layouts(const nn_device *device, nn_pipeline *pipeline) {
    const nn_kernel *kernel = pipeline->kernel;
    VkDescriptorSetLayoutBinding bindings[NN_MAX_BINDINGS] = {0};
    for (uint32_t i = 0; i < kernel->bindings; i++) {
        bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                     .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                     .descriptorCount = 1,
                                                     .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    }
    const VkDescriptorSetLayoutCreateInfo set_info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                      .bindingCount = kernel->bindings,
                                                      .pBindings = bindings};
    const VkResult result =
        device->vk.vkCreateDescriptorSetLayout(device->handle, &set_info, NULL, &pipeline->set_layout);
    if (result != VK_SUCCESS) return result;
    const VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                                       .size = kernel->bindings * (uint32_t)sizeof(uint32_t) + kernel->push_bytes};
    const VkPipelineLayoutCreateInfo layout_info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                                    .setLayoutCount = 1,
                                                    .pSetLayouts = &pipeline->set_layout,
                                                    .pushConstantRangeCount = 1,
                                                    .pPushConstantRanges = &range};
    return device->vk.vkCreatePipelineLayout(device->handle, &layout_info, NULL, &pipeline->layout);
}

static VkResult create_compute(const nn_device *device, nn_pipeline *pipeline) {
    const VkShaderModuleCreateInfo code = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                           .codeSize = pipeline->kernel->code_bytes,
                                           .pCode = pipeline->kernel->code};
    VkShaderModule module = VK_NULL_HANDLE;
    VkResult result = device->vk.vkCreateShaderModule(device->handle, &code, NULL, &module);
    if (result != VK_SUCCESS) return result;
    const VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                              .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                        .module = module,
                                                        .pName = "main"},
                                              .layout = pipeline->layout};
    result = device->vk.vkCreateComputePipelines(device->handle, VK_NULL_HANDLE, 1, &info, NULL, &pipeline->pipeline);
    device->vk.vkDestroyShaderModule(device->handle, module, NULL);
    return result;
}

static const nn_pipeline *find_pipeline(nn_device *device, const nn_kernel *kernel) {
    for (const nn_pipeline *p = device->pipelines; p; p = p->next) {
        if (p->kernel == kernel) return p;
    }
    nn_pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline) {
        nn_fail(device, VKN_OUT_OF_MEMORY, "kernel %s: out of memory", kernel->name);
        return NULL;
    }
    pipeline->kernel = kernel;
    VkResult result = create_layouts(device, pipeline);
    if (result == VK_SUCCESS) result = create_compute(device, pipeline);
    if (result != VK_SUCCESS) {
        fail_vk(device, kernel, "building the pipeline", result);
        destroy_pipeline(device, pipeline);
        return NULL;
    }
    pipeline->next = device->pipelines;
    device->pipelines = pipeline;
    return pipeline;
}

static VkResult add_pool(nn_device *device) {
    VkDescriptorPool *pools = realloc(device->pools, (device->pool_count + 1) * sizeof(VkDescriptorPool));
    if (!pools) return VK_ERROR_OUT_OF_HOST_MEMORY;
    device->pools = pools;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_PER_POOL * NN_MAX_BINDINGS};
    const VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = SETS_PER_POOL,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    const VkResult result = device->vk.vkCreateDescriptorPool(device->handle, &info, NULL, &pools[device->pool_count]);
    if (result == VK_SUCCESS) device->pool_count++;
    return result;
}

static VkDescriptorSet take_set(nn_device *device, const nn_pipeline *pipeline) {
    VkDescriptorSet set = VK_NULL_HANDLE;
    VkResult result = VK_SUCCESS;
    if (device->sets_taken == device->pool_count * SETS_PER_POOL) result = add_pool(device);
    if (result == VK_SUCCESS) {
        const VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                                  .descriptorPool = device->pools[device->sets_taken / SETS_PER_POOL],
                                                  .descriptorSetCount = 1,
                                                  .pSetLayouts = &pipeline->set_layout};
        result = device->vk.vkAllocateDescriptorSets(device->handle, &info, &set);
    }
    if (result == VK_SUCCESS) {
        device->sets_taken++;
    } else {
        fail_vk(device, pipeline->kernel, "taking a descriptor set", result);
    }
    return set;
}

// Binds each tensor from the aligned offset at or below its own; the rest goes to the shader, in words.
static bool describe(nn_device *device, const nn_kernel *kernel, const vkn_tensor *tensors,
                     VkDescriptorBufferInfo *infos, uint32_t *offsets) {
    for (uint32_t i = 0; i < kernel->bindings; i++) {
        const vkn_tensor *tensor = tensors[i].buffer ? &tensors[i] : &tensors[0];
        const VkDeviceSize rest = tensor->offset % device->info.offset_alignment;
        VkDeviceSize bytes = nn_tensor_bytes(tensor) + rest;
        if (bytes < rest + sizeof(uint32_t)) bytes = rest + sizeof(uint32_t); // an empty tensor has one word
        if (!tensor->buffer || tensor->offset % sizeof(uint32_t) != 0) {
            nn_fail(device, VKN_BAD_ARGUMENT, "kernel %s: tensor %u is absent or not at a multiple of 4 bytes (%llu)",
                    kernel->name, i, (unsigned long long)tensor->offset);
            return false;
        }
        if (bytes > device->info.max_binding_bytes) {
            nn_fail(device, VKN_UNSUPPORTED, "kernel %s: tensor %u needs %llu bytes, maxStorageBufferRange is %llu",
                    kernel->name, i, (unsigned long long)bytes, (unsigned long long)device->info.max_binding_bytes);
            return false;
        }
        infos[i] = (VkDescriptorBufferInfo){tensor->buffer, tensor->offset - rest, bytes};
        offsets[i] = (uint32_t)(rest / sizeof(uint32_t));
    }
    return true;
}

void nn_dispatch(nn_device *device, const nn_kernel *kernel, const vkn_tensor *tensors, const void *push,
                 uint32_t groups_x, uint32_t groups_y) {
    if (!nn_ok(device) || groups_x == 0 || groups_y == 0) return;
    const uint32_t limit = device->info.max_workgroups;
    if (groups_x > limit || groups_y > limit) {
        nn_fail(device, VKN_UNSUPPORTED, "kernel %s: %u x %u workgroups, maxComputeWorkGroupCount is %u", kernel->name,
                groups_x, groups_y, limit);
        return;
    }
    VkDescriptorBufferInfo infos[NN_MAX_BINDINGS];
    uint32_t constants[NN_MAX_PUSH_BYTES / sizeof(uint32_t)];
    if (!describe(device, kernel, tensors, infos, constants)) return;
    memcpy(&constants[kernel->bindings], push, kernel->push_bytes);
    const nn_pipeline *pipeline = find_pipeline(device, kernel);
    VkDescriptorSet set = pipeline ? take_set(device, pipeline) : VK_NULL_HANDLE;
    if (!set) return;

    VkWriteDescriptorSet writes[NN_MAX_BINDINGS];
    for (uint32_t i = 0; i < kernel->bindings; i++) {
        writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                           .dstSet = set,
                                           .dstBinding = i,
                                           .descriptorCount = 1,
                                           .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                           .pBufferInfo = &infos[i]};
    }
    const struct VolkDeviceTable *vk = &device->vk;
    VkCommandBuffer commands = vkn_recorder_command_buffer(device->recorder);
    vk->vkUpdateDescriptorSets(device->handle, kernel->bindings, writes, 0, NULL);
    vk->vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
    vk->vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->layout, 0, 1, &set, 0, NULL);
    vk->vkCmdPushConstants(commands, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                           kernel->bindings * (uint32_t)sizeof(uint32_t) + kernel->push_bytes, constants);
    vk->vkCmdDispatch(commands, groups_x, groups_y, 1);
    nn_barrier(device);
}

// Folds `groups` workgroups into x and y. The grid may be up to a row larger; its last index, with `lanes` to a group,
// must still fit 32 bits.
static void dispatch_folded(nn_device *device, const nn_kernel *kernel, const vkn_tensor *tensors, const void *push,
                            uint64_t groups, uint32_t lanes) {
    const uint64_t x = groups < device->info.max_workgroups ? groups : device->info.max_workgroups;
    const uint64_t y = x > 0 ? (groups + x - 1) / x : 0;
    if (groups > UINT32_MAX || x * y * lanes > UINT32_MAX) {
        nn_fail(device, VKN_UNSUPPORTED, "kernel %s: %llu workgroups of %u do not fit a 32-bit index", kernel->name,
                (unsigned long long)groups, lanes);
        return;
    }
    nn_dispatch(device, kernel, tensors, push, (uint32_t)x, (uint32_t)y);
}

void nn_dispatch_elements(nn_device *device, const nn_kernel *kernel, const vkn_tensor *tensors, const void *push,
                          uint64_t count) {
    dispatch_folded(device, kernel, tensors, push, (count + NN_LANES - 1) / NN_LANES, NN_LANES);
}

static uint64_t tiles(uint32_t size, uint32_t tile) {
    return size / tile + (size % tile != 0);
}

void nn_dispatch_tiles(nn_device *device, const nn_kernel *kernel, const vkn_tensor *tensors, const void *push,
                       uint32_t rows, uint32_t columns, uint32_t layers) {
    const uint64_t each = tiles(rows, NN_TILE_ROWS) * tiles(columns, NN_TILE_COLUMNS);
    dispatch_folded(device, kernel, tensors, push, layers > 0 && each > UINT32_MAX ? each : each * layers, 1);
}

void nn_kernels_recycle(nn_device *device) {
    for (uint32_t i = 0; i < device->pool_count; i++) {
        device->vk.vkResetDescriptorPool(device->handle, device->pools[i], 0);
    }
}

void nn_kernels_destroy(nn_device *device) {
    for (uint32_t i = 0; i < device->pool_count; i++) {
        device->vk.vkDestroyDescriptorPool(device->handle, device->pools[i], NULL);
    }
    free(device->pools);
    while (device->pipelines) {
        nn_pipeline *next = device->pipelines->next;
        destroy_pipeline(device, device->pipelines);
        device->pipelines = next;
    }
}
