// SPDX-License-Identifier: MIT
#include "bench_copy.h"

#include "bench_time.h"
#include "command.h"
#include "copy.spv.h"
#include "copy_texels.spv.h"

enum { WORD_BYTES = 16, LARGEST_BLOCK = 256 * 16 * WORD_BYTES, MAX_SETS = 16, CACHES = 4 };

// Words are read from a storage buffer, or as texels.
typedef enum copy_source { FROM_BUFFER, FROM_TEXELS, SOURCE_COUNT } copy_source;

static const struct {
    const uint32_t *code;
    size_t bytes;
    VkDescriptorType type;
} sources[SOURCE_COUNT] = {
    [FROM_BUFFER] = {copy_spv, sizeof copy_spv, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER},
    [FROM_TEXELS] = {copy_texels_spv, sizeof copy_texels_spv, VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER},
};

// As the shader has them.
typedef struct copy_push {
    uint32_t blocks, first_texel;
} copy_push;

// What is created once, and the shape that is timed.
typedef struct copier {
    bench_device *device;
    VkBuffer from, to;
    VkBufferView texels; // of `from`; VK_NULL_HANDLE: none
    uint64_t bytes;      // of one copy
    VkShaderModule modules[SOURCE_COUNT];
    VkDescriptorSetLayout set_layouts[SOURCE_COUNT];
    VkPipelineLayout layouts[SOURCE_COUNT];
    VkDescriptorPool pool;
    VkDescriptorSet sets[SOURCE_COUNT][MAX_SETS];
    uint32_t set_count;
    VkPipeline pipeline;
    copy_source source;
    uint32_t blocks;
} copier;

static int fail(VkResult result, const char *what) {
    return result == VK_SUCCESS ? COMMAND_OK : command_fail("copy: %s: VkResult %d", what, (int)result);
}

static int create_layout(copier *self, copy_source source) {
    const bench_functions *vk = &self->device->vk;
    const VkDescriptorSetLayoutBinding bindings[] = {
        {0, sources[source].type, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
        {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
    };
    const VkDescriptorSetLayoutCreateInfo set_layout = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = 2, .pBindings = bindings};
    VkDescriptorSetLayout *made = &self->set_layouts[source];
    VkResult result = vk->vkCreateDescriptorSetLayout(self->device->handle, &set_layout, NULL, made);
    if (result != VK_SUCCESS) {
        return fail(result, "vkCreateDescriptorSetLayout");
    }
    const VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(copy_push)};
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .setLayoutCount = 1,
                                               .pSetLayouts = made,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &push};
    result = vk->vkCreatePipelineLayout(self->device->handle, &layout, NULL, &self->layouts[source]);
    if (result != VK_SUCCESS) {
        return fail(result, "vkCreatePipelineLayout");
    }
    const VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = sources[source].bytes,
                                             .pCode = sources[source].code};
    return fail(vk->vkCreateShaderModule(self->device->handle, &module, NULL, &self->modules[source]),
                "vkCreateShaderModule");
}

// A descriptor set for each copy's place in the buffers.
static int create_sets(copier *self, copy_source source) {
    const bench_functions *vk = &self->device->vk;
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; result == VK_SUCCESS && i < self->set_count; i++) {
        const VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                                 .descriptorPool = self->pool,
                                                 .descriptorSetCount = 1,
                                                 .pSetLayouts = &self->set_layouts[source]};
        result = vk->vkAllocateDescriptorSets(self->device->handle, &set, &self->sets[source][i]);
        if (result == VK_SUCCESS) {
            const VkDescriptorBufferInfo buffers[] = {{self->from, i * self->bytes, self->bytes},
                                                      {self->to, i * self->bytes, self->bytes}};
            VkWriteDescriptorSet writes[2];
            for (uint32_t b = 0; b < 2; b++) {
                writes[b] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                                   .dstSet = self->sets[source][i],
                                                   .dstBinding = b,
                                                   .descriptorCount = 1,
                                                   .descriptorType = b == 0 ? sources[source].type
                                                                            : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                   .pBufferInfo = &buffers[b],
                                                   .pTexelBufferView = &self->texels};
            }
            vk->vkUpdateDescriptorSets(self->device->handle, 2, writes, 0, NULL);
        }
    }
    return fail(result, "descriptor sets");
}

static int create_all(copier *self) {
    const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2 * SOURCE_COUNT * MAX_SETS},
        {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, MAX_SETS},
    };
    const VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = SOURCE_COUNT * MAX_SETS,
                                             .poolSizeCount = sizeof sizes / sizeof *sizes,
                                             .pPoolSizes = sizes};
    int code = fail(self->device->vk.vkCreateDescriptorPool(self->device->handle, &pool, NULL, &self->pool),
                    "vkCreateDescriptorPool");
    const copy_source last = self->texels ? FROM_TEXELS : FROM_BUFFER;
    for (copy_source source = FROM_BUFFER; code == COMMAND_OK && source <= last; source++) {
        code = create_layout(self, source);
        if (code == COMMAND_OK) {
            code = create_sets(self, source);
        }
    }
    return code;
}

static int create_pipeline(copier *self, const bench_copy_shape *shape) {
    self->source = shape->texels ? FROM_TEXELS : FROM_BUFFER;
    static const VkSpecializationMapEntry entries[] = {{0, 0, 4}, {1, 4, 4}, {2, 8, 4}};
    const uint32_t constants[] = {shape->workgroup, shape->words, shape->row};
    const VkSpecializationInfo specialization = {3, entries, sizeof constants, constants};
    const VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                              .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                        .module = self->modules[self->source],
                                                        .pName = "main",
                                                        .pSpecializationInfo = &specialization},
                                              .layout = self->layouts[self->source]};
    return fail(self->device->vk.vkCreateComputePipelines(self->device->handle, VK_NULL_HANDLE, 1, &info, NULL,
                                                          &self->pipeline),
                "vkCreateComputePipelines");
}

static void destroy(copier *self) {
    const bench_functions *vk = &self->device->vk;
    vk->vkDestroyPipeline(self->device->handle, self->pipeline, NULL);
    vk->vkDestroyDescriptorPool(self->device->handle, self->pool, NULL);
    for (copy_source source = FROM_BUFFER; source < SOURCE_COUNT; source++) {
        vk->vkDestroyShaderModule(self->device->handle, self->modules[source], NULL);
        vk->vkDestroyPipelineLayout(self->device->handle, self->layouts[source], NULL);
        vk->vkDestroyDescriptorSetLayout(self->device->handle, self->set_layouts[source], NULL);
    }
}

static vkn_result record_copy(void *user, vkn_recorder *recorder, uint64_t turn) {
    const copier *self = user;
    const bench_functions *vk = &self->device->vk;
    VkCommandBuffer commands = vkn_recorder_command_buffer(recorder);
    const uint32_t most = self->device->info.max_workgroups;
    const uint32_t rows = (self->blocks + most - 1) / most;
    vk->vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, self->pipeline);
    const uint64_t set = turn % self->set_count;
    VkPipelineLayout layout = self->layouts[self->source];
    const copy_push push = {self->blocks, (uint32_t)(set * self->bytes / WORD_BYTES)};
    vk->vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &self->sets[self->source][set],
                                0, NULL);
    vk->vkCmdPushConstants(commands, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, &push);
    vk->vkCmdDispatch(commands, (self->blocks + rows - 1) / rows, rows, 1);
    return VKN_OK;
}

static int time_shape(copier *self, const bench_copy_shape *shape, double min_time, double *rate) {
    int code = create_pipeline(self, shape);
    if (code == COMMAND_OK) {
        self->blocks = (uint32_t)(self->bytes / ((uint64_t)shape->workgroup * shape->words * WORD_BYTES));
        const bench_job job = {.record = record_copy, .user = self};
        bench_times times;
        code = bench_time(self->device, &job, min_time, &times) == VKN_OK
                   ? COMMAND_OK
                   : command_fail("copy: %s", vkn_error_message());
        *rate = code == COMMAND_OK ? 2 * (double)self->bytes / times.median : 0;
    }
    self->device->vk.vkDestroyPipeline(self->device->handle, self->pipeline, NULL);
    self->pipeline = VK_NULL_HANDLE;
    return code;
}

// All that the device's largest workgroup allows; from texels, too, where the norms read these.
static void list_shapes(const bench_device *device, bool texels, bench_copy *copy) {
    static const uint32_t workgroups[] = {32, 64, 128, 256};
    static const struct {
        uint32_t words;
        bool row;
    } orders[] = {{1, false}, {4, false}, {16, false}, {4, true}, {16, true}};
    enum { WORKGROUPS = sizeof workgroups / sizeof *workgroups, ORDERS = sizeof orders / sizeof *orders };
    enum { SHAPES = WORKGROUPS * ORDERS };
    copy->count = 0;
    for (uint32_t i = 0; i < (texels ? 2 : 1) * SHAPES; i++) {
        const uint32_t shape = i % SHAPES;
        if (workgroups[shape / ORDERS] <= device->info.max_workgroup_invocations) {
            copy->shapes[copy->count++] = (bench_copy_shape){.workgroup = workgroups[shape / ORDERS],
                                                             .words = orders[shape % ORDERS].words,
                                                             .row = orders[shape % ORDERS].row,
                                                             .texels = i >= SHAPES};
        }
    }
}

// As large as a large row of the suites, and in so many places that caches do not help.
static int choose_size(const bench_device *device, uint64_t limit, copier *self) {
    const uint64_t wanted = (uint64_t)(device->cpu ? 32 : 128) << 20;
    uint64_t bytes = wanted < limit / 2 ? wanted : limit / 2;
    bytes = bytes < device->info.max_binding_bytes ? bytes : device->info.max_binding_bytes;
    bytes -= bytes % LARGEST_BLOCK;
    if (bytes == 0) {
        return command_fail("copy: the limit of %llu bytes leaves no room for two buffers of %d bytes",
                            (unsigned long long)limit, LARGEST_BLOCK);
    }
    self->bytes = bytes;
    const uint64_t sets = CACHES * device->cache / (2 * bytes) + 1;
    const uint64_t most = limit / (2 * bytes);
    self->set_count = (uint32_t)(sets < most ? sets : most);
    self->set_count = self->set_count < MAX_SETS ? self->set_count : MAX_SETS;
    return COMMAND_OK;
}

double bench_copy_shape_best(const bench_copy_shape *shape) {
    return shape->first > shape->last ? shape->first : shape->last;
}

// With those that read texels, or without.
static double best_of(const bench_copy *copy, bool texels) {
    double best = 0;
    for (uint32_t i = 0; i < copy->count; i++) {
        const double rate = texels || !copy->shapes[i].texels ? bench_copy_shape_best(&copy->shapes[i]) : 0;
        best = rate > best ? rate : best;
    }
    return best;
}

int bench_copy_measure(bench_memory *memory, uint64_t limit, double min_time, enum bench_copy_when when,
                       bench_copy *copy) {
    copier self = {.device = memory->device};
    int code = choose_size(memory->device, limit, &self);
    if (code != COMMAND_OK) {
        return code;
    }
    copy->bytes = self.bytes;
    const uint64_t all = self.set_count * self.bytes;
    bench_memory_trim(memory, (const uint64_t[BENCH_PLACE_COUNT]){[BENCH_X] = all, [BENCH_OUT] = all}, limit);
    if (bench_memory_get(memory, BENCH_X, all, VKN_F32) != VKN_OK ||
        bench_memory_get(memory, BENCH_OUT, all, VKN_F32) != VKN_OK) {
        return command_fail("copy: %s", vkn_error_message());
    }
    self.from = vkn_buffer_handle(memory->buffers[BENCH_X]);
    self.to = vkn_buffer_handle(memory->buffers[BENCH_OUT]);
    self.texels = vkn_buffer_texels(memory->buffers[BENCH_X]);
    if (when == BENCH_COPY_FIRST) {
        list_shapes(memory->device, self.texels != VK_NULL_HANDLE, copy);
    }
    code = create_all(&self);
    const double best = best_of(copy, self.texels != VK_NULL_HANDLE);
    for (uint32_t i = 0; code == COMMAND_OK && i < copy->count; i++) {
        bench_copy_shape *shape = &copy->shapes[i];
        if (shape->texels && !self.texels) { // a row has made the buffer larger than a view can be
            continue;
        }
        double *rates[] = {
            [BENCH_COPY_FIRST] = &shape->first, [BENCH_COPY_BESIDE] = &copy->beside, [BENCH_COPY_LAST] = &shape->last};
        if (when != BENCH_COPY_BESIDE || bench_copy_shape_best(shape) == best) {
            code = time_shape(&self, shape, min_time, rates[when]);
        }
    }
    if (when == BENCH_COPY_FIRST) {
        copy->beside = bench_copy_best(copy);
    }
    destroy(&self);
    return code;
}

double bench_copy_best(const bench_copy *copy) {
    return best_of(copy, true);
}
