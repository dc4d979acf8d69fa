// SPDX-License-Identifier: MIT
#include "bench_copy.h"

#include "bench_time.h"
#include "command.h"
#include "copy.spv.h"

enum { WORD_BYTES = 16, LARGEST_BLOCK = 256 * 16 * WORD_BYTES, MAX_SETS = 16, CACHES = 4 };

// What is created once, and the shape that is timed.
typedef struct copier {
    bench_device *device;
    VkShaderModule module;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkDescriptorPool pool;
    VkDescriptorSet sets[MAX_SETS];
    uint32_t set_count;
    VkPipeline pipeline;
    uint32_t blocks;
} copier;

static int fail(VkResult result, const char *what) {
    return result == VK_SUCCESS ? COMMAND_OK : command_fail("copy: %s: VkResult %d", what, (int)result);
}

static int create_layouts(copier *self) {
    const bench_functions *vk = &self->device->vk;
    const VkDescriptorSetLayoutBinding bindings[] = {
        {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
        {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
    };
    const VkDescriptorSetLayoutCreateInfo set_layout = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = 2, .pBindings = bindings};
    VkResult result = vk->vkCreateDescriptorSetLayout(self->device->handle, &set_layout, NULL, &self->set_layout);
    if (result != VK_SUCCESS) {
        return fail(result, "vkCreateDescriptorSetLayout");
    }
    const VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(uint32_t)};
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .setLayoutCount = 1,
                                               .pSetLayouts = &self->set_layout,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &push};
    result = vk->vkCreatePipelineLayout(self->device->handle, &layout, NULL, &self->layout);
    if (result != VK_SUCCESS) {
        return fail(result, "vkCreatePipelineLayout");
    }
    const VkShaderModuleCreateInfo module = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = sizeof copy_spv, .pCode = copy_spv};
    return fail(vk->vkCreateShaderModule(self->device->handle, &module, NULL, &self->module), "vkCreateShaderModule");
}

// A descriptor set for each copy's place in the buffers.
static int create_sets(copier *self, VkBuffer from, VkBuffer to, uint64_t bytes) {
    const bench_functions *vk = &self->device->vk;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2 * MAX_SETS};
    const VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = MAX_SETS,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    VkResult result = vk->vkCreateDescriptorPool(self->device->handle, &pool, NULL, &self->pool);
    for (uint32_t i = 0; result == VK_SUCCESS && i < self->set_count; i++) {
        const VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                                 .descriptorPool = self->pool,
                                                 .descriptorSetCount = 1,
                                                 .pSetLayouts = &self->set_layout};
        result = vk->vkAllocateDescriptorSets(self->device->handle, &set, &self->sets[i]);
        if (result == VK_SUCCESS) {
            const VkDescriptorBufferInfo buffers[] = {{from, i * bytes, bytes}, {to, i * bytes, bytes}};
            const VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                                .dstSet = self->sets[i],
                                                .descriptorCount = 2,
                                                .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                .pBufferInfo = buffers};
            vk->vkUpdateDescriptorSets(self->device->handle, 1, &write, 0, NULL);
        }
    }
    return fail(result, "descriptor sets");
}

static int create_pipeline(copier *self, const bench_copy_shape *shape) {
    static const VkSpecializationMapEntry entries[] = {{0, 0, 4}, {1, 4, 4}, {2, 8, 4}};
    const uint32_t constants[] = {shape->workgroup, shape->words, shape->row};
    const VkSpecializationInfo specialization = {3, entries, sizeof constants, constants};
    const VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                              .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                        .module = self->module,
                                                        .pName = "main",
                                                        .pSpecializationInfo = &specialization},
                                              .layout = self->layout};
    return fail(self->device->vk.vkCreateComputePipelines(self->device->handle, VK_NULL_HANDLE, 1, &info, NULL,
                                                          &self->pipeline),
                "vkCreateComputePipelines");
}

static void destroy(copier *self) {
    const bench_functions *vk = &self->device->vk;
    vk->vkDestroyPipeline(self->device->handle, self->pipeline, NULL);
    vk->vkDestroyDescriptorPool(self->device->handle, self->pool, NULL);
    vk->vkDestroyShaderModule(self->device->handle, self->module, NULL);
    vk->vkDestroyPipelineLayout(self->device->handle, self->layout, NULL);
    vk->vkDestroyDescriptorSetLayout(self->device->handle, self->set_layout, NULL);
}

static vkn_result record_copy(void *user, vkn_recorder *recorder, uint64_t turn) {
    const copier *self = user;
    const bench_functions *vk = &self->device->vk;
    VkCommandBuffer commands = vkn_recorder_command_buffer(recorder);
    const uint32_t most = self->device->info.max_workgroups;
    const uint32_t rows = (self->blocks + most - 1) / most;
    vk->vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, self->pipeline);
    vk->vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, self->layout, 0, 1,
                                &self->sets[turn % self->set_count], 0, NULL);
    vk->vkCmdPushConstants(commands, self->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof self->blocks, &self->blocks);
    vk->vkCmdDispatch(commands, (self->blocks + rows - 1) / rows, rows, 1);
    return VKN_OK;
}

static int time_shape(copier *self, const bench_copy_shape *shape, uint64_t bytes, double min_time, double *rate) {
    int code = create_pipeline(self, shape);
    if (code == COMMAND_OK) {
        self->blocks = (uint32_t)(bytes / ((uint64_t)shape->workgroup * shape->words * WORD_BYTES));
        const bench_job job = {.record = record_copy, .user = self};
        bench_times times;
        code = bench_time(self->device, &job, min_time, &times) == VKN_OK
                   ? COMMAND_OK
                   : command_fail("copy: %s", vkn_error_message());
        *rate = code == COMMAND_OK ? 2 * (double)bytes / times.median : 0;
    }
    self->device->vk.vkDestroyPipeline(self->device->handle, self->pipeline, NULL);
    self->pipeline = VK_NULL_HANDLE;
    return code;
}

// All that the device's largest workgroup allows.
static void list_shapes(const bench_device *device, bench_copy *copy) {
    static const uint32_t workgroups[] = {32, 64, 128, 256};
    static const struct {
        uint32_t words;
        bool row;
    } orders[] = {{1, false}, {4, false}, {16, false}, {4, true}, {16, true}};
    enum { WORKGROUPS = sizeof workgroups / sizeof *workgroups, ORDERS = sizeof orders / sizeof *orders };
    copy->count = 0;
    for (uint32_t i = 0; i < WORKGROUPS * ORDERS; i++) {
        if (workgroups[i / ORDERS] <= device->info.max_workgroup_invocations) {
            copy->shapes[copy->count++] = (bench_copy_shape){
                .workgroup = workgroups[i / ORDERS], .words = orders[i % ORDERS].words, .row = orders[i % ORDERS].row};
        }
    }
}

// As large as a large row of the suites, and in so many places that caches do not help.
static int choose_size(const bench_device *device, uint64_t limit, copier *self, uint64_t *bytes) {
    const uint64_t wanted = (uint64_t)(device->cpu ? 32 : 128) << 20;
    *bytes = wanted < limit / 2 ? wanted : limit / 2;
    *bytes = *bytes < device->info.max_binding_bytes ? *bytes : device->info.max_binding_bytes;
    *bytes -= *bytes % LARGEST_BLOCK;
    if (*bytes == 0) {
        return command_fail("copy: the limit of %llu bytes leaves no room for two buffers of %d bytes",
                            (unsigned long long)limit, LARGEST_BLOCK);
    }
    const uint64_t sets = CACHES * device->cache / (2 * *bytes) + 1;
    const uint64_t most = limit / (2 * *bytes);
    self->set_count = (uint32_t)(sets < most ? sets : most);
    self->set_count = self->set_count < MAX_SETS ? self->set_count : MAX_SETS;
    return COMMAND_OK;
}

int bench_copy_measure(bench_memory *memory, uint64_t limit, double min_time, enum bench_copy_when when,
                       bench_copy *copy) {
    copier self = {.device = memory->device};
    VkBuffer from;
    VkBuffer to;
    int code = choose_size(memory->device, limit, &self, &copy->bytes);
    if (code != COMMAND_OK) {
        return code;
    }
    const uint64_t all = self.set_count * copy->bytes;
    bench_memory_trim(memory, (const uint64_t[BENCH_PLACE_COUNT]){[BENCH_X] = all, [BENCH_OUT] = all}, limit);
    if (bench_memory_get(memory, BENCH_X, all, VKN_F32, &from) != VKN_OK ||
        bench_memory_get(memory, BENCH_OUT, all, VKN_F32, &to) != VKN_OK) {
        return command_fail("copy: %s", vkn_error_message());
    }
    if (when == BENCH_COPY_FIRST) {
        list_shapes(memory->device, copy);
    }
    code = create_layouts(&self);
    if (code == COMMAND_OK) {
        code = create_sets(&self, from, to, copy->bytes);
    }
    const double best = bench_copy_best(copy);
    for (uint32_t i = 0; code == COMMAND_OK && i < copy->count; i++) {
        bench_copy_shape *shape = &copy->shapes[i];
        double *rates[] = {
            [BENCH_COPY_FIRST] = &shape->first, [BENCH_COPY_BESIDE] = &copy->beside, [BENCH_COPY_LAST] = &shape->last};
        if (when != BENCH_COPY_BESIDE || bench_copy_shape_best(shape) == best) {
            code = time_shape(&self, shape, copy->bytes, min_time, rates[when]);
        }
    }
    if (when == BENCH_COPY_FIRST) {
        copy->beside = bench_copy_best(copy);
    }
    destroy(&self);
    return code;
}

double bench_copy_shape_best(const bench_copy_shape *shape) {
    return shape->first > shape->last ? shape->first : shape->last;
}

double bench_copy_best(const bench_copy *copy) {
    double best = 0;
    for (uint32_t i = 0; i < copy->count; i++) {
        const double rate = bench_copy_shape_best(&copy->shapes[i]);
        best = rate > best ? rate : best;
    }
    return best;
}
