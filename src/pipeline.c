// SPDX-License-Identifier: MIT
#include "pipeline.h"
#include "context.h"
#include "error.h"
#include "shader_code.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PUSH_BYTES = 128 }; // what every device has

typedef struct module {
    const uint32_t *words;
    size_t bytes;
} module;

// Code for f32 alone; for f16 and bf16 too; the same with 16-bit stores.
enum { WIDE, NARROW, STORES_HALVES, STORAGES };

typedef struct shader_code {
    const char *name;
    uint32_t bindings, writes, push_bytes, uses;
    module modules[2][STORAGES]; // [with subgroup shuffles]: another variant where there is no such one
} shader_code;

#define MODULE(name)                                                                                                   \
    { name##_spv, sizeof name##_spv }
#define SAME(name)                                                                                                     \
    { MODULE(name), MODULE(name), MODULE(name) }
#define EACH(name)                                                                                                     \
    { MODULE(name), MODULE(name##_narrow), MODULE(name##_halves) }
#define PLAIN(name)                                                                                                    \
    { SAME(name), SAME(name) }
#define SUBGROUP(name)                                                                                                 \
    { SAME(name), SAME(name##_subgroup) }
#define SUBGROUP_NARROW(name)                                                                                          \
    {                                                                                                                  \
        {MODULE(name), MODULE(name##_narrow), MODULE(name##_narrow)}, {                                                \
            MODULE(name##_subgroup), MODULE(name##_subgroup_narrow), MODULE(name##_subgroup_narrow)                    \
        }                                                                                                              \
    }
#define HALVES(name)                                                                                                   \
    { EACH(name), EACH(name) }
#define SUBGROUP_HALVES(name)                                                                                          \
    { EACH(name), EACH(name##_subgroup) }

static const shader_code codes[] = {
#define X(id, name, bindings, writes, push, variants, uses)                                                            \
    {#name, bindings, writes, sizeof(struct vkn_##push##_push), uses, variants(name)},
    VKN_SHADERS(X)
#undef X
};

#define X(id, name, bindings, writes, push, variants, uses)                                                            \
    _Static_assert((bindings) <= VKN_MAX_BINDINGS && sizeof(struct vkn_##push##_push) <= PUSH_BYTES, #name);
VKN_SHADERS(X)
#undef X

uint32_t vkn_shader_bindings(vkn_shader shader) {
    return codes[shader].bindings;
}

uint32_t vkn_shader_writes(vkn_shader shader) {
    return codes[shader].writes;
}

uint32_t vkn_shader_push_bytes(vkn_shader shader) {
    return codes[shader].push_bytes;
}

vkn_result vkn_pipelines_init(vkn_context *context) {
    vkn_pipelines *p = &context->pipelines;
    VkDescriptorSetLayoutBinding bindings[VKN_MAX_BINDINGS];
    for (uint32_t i = 0; i < VKN_MAX_BINDINGS; ++i)
        bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                     .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                     .descriptorCount = 1,
                                                     .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = PUSH_BYTES};
    bool push = vkn_context_uses(context, VKN_FEATURE_PUSH_DESCRIPTOR);
    for (uint32_t n = 1; n <= VKN_MAX_BINDINGS; ++n) {
        VkDescriptorSetLayoutCreateInfo set = {
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
            .flags = push ? VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR : 0,
            .bindingCount = n,
            .pBindings = bindings,
        };
        VkResult result =
            context->vk.vkCreateDescriptorSetLayout(context->device, &set, context->allocator, &p->set_layouts[n]);
        if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkCreateDescriptorSetLayout");
        VkPipelineLayoutCreateInfo layout = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
            .setLayoutCount = 1,
            .pSetLayouts = &p->set_layouts[n],
            .pushConstantRangeCount = 1,
            .pPushConstantRanges = &range,
        };
        result = context->vk.vkCreatePipelineLayout(context->device, &layout, context->allocator, &p->layouts[n]);
        if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkCreatePipelineLayout");
    }
    VkPipelineCacheCreateInfo cache = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    VkResult result = context->vk.vkCreatePipelineCache(context->device, &cache, context->allocator, &p->cache);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkCreatePipelineCache");
    return VKN_OK;
}

void vkn_pipelines_destroy(vkn_context *context) {
    vkn_pipelines *p = &context->pipelines;
    if (!context->vk.vkDestroyPipeline) return;
    while (p->first) {
        vkn_pipeline *pipeline = p->first;
        p->first = pipeline->next;
        context->vk.vkDestroyPipeline(context->device, pipeline->handle, context->allocator);
        free(pipeline);
    }
    context->vk.vkDestroyPipelineCache(context->device, p->cache, context->allocator);
    for (uint32_t n = 1; n <= VKN_MAX_BINDINGS; ++n) {
        context->vk.vkDestroyPipelineLayout(context->device, p->layouts[n], context->allocator);
        context->vk.vkDestroyDescriptorSetLayout(context->device, p->set_layouts[n], context->allocator);
    }
}

static VkResult build(vkn_context *context, vkn_pipeline *pipeline) {
    const shader_code *code = &codes[pipeline->shader];
    const uint32_t *constant = pipeline->constants.value;
    bool subgroup = constant[VKN_CONSTANT_CLUSTER] > 1;
    bool wide = constant[VKN_CONSTANT_DTYPE] == VKN_STORAGE_F32 && constant[VKN_CONSTANT_PARAMETER] == VKN_STORAGE_F32;
    // Whole words need no 16-bit stores.
    bool halves = !constant[VKN_CONSTANT_VECTOR] && vkn_context_uses(context, VKN_FEATURE_STORAGE_16BIT);
    const module *chosen = &code->modules[subgroup][wide ? WIDE : halves ? STORES_HALVES : NARROW];
    VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = chosen->bytes,
        .pCode = chosen->words,
    };
    VkShaderModule shader_module = VK_NULL_HANDLE;
    VkResult result =
        context->vk.vkCreateShaderModule(context->device, &module_info, context->allocator, &shader_module);
    if (result != VK_SUCCESS) return result;
    VkSpecializationMapEntry entries[VKN_CONSTANT_COUNT];
    for (uint32_t i = 0; i < VKN_CONSTANT_COUNT; ++i)
        entries[i] = (VkSpecializationMapEntry){i, i * (uint32_t)sizeof(uint32_t), sizeof(uint32_t)};
    VkSpecializationInfo specialization = {VKN_CONSTANT_COUNT, entries, sizeof pipeline->constants.value,
                                           pipeline->constants.value};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = context->capture_statistics ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR : 0,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = shader_module,
                  .pName = "main",
                  .pSpecializationInfo = &specialization},
        .layout = context->pipelines.layouts[code->bindings],
    };
    result = context->vk.vkCreateComputePipelines(context->device, context->pipelines.cache, 1, &info,
                                                  context->allocator, &pipeline->handle);
    context->vk.vkDestroyShaderModule(context->device, shader_module, context->allocator);
    return result;
}

static uint32_t bucket_of(vkn_shader shader, const vkn_constants *constants) {
    uint32_t hash = 2166136261u ^ (uint32_t)shader; // FNV-1a over the words
    for (uint32_t i = 0; i < VKN_CONSTANT_COUNT; ++i)
        hash = (hash ^ constants->value[i]) * 16777619u;
    return (hash ^ (hash >> 16)) % VKN_PIPELINE_BUCKETS;
}

static vkn_result find_or_build(vkn_context *context, vkn_shader shader, const vkn_constants *constants,
                                VkPipeline *out) {
    vkn_pipelines *p = &context->pipelines;
    uint32_t bucket = bucket_of(shader, constants);
    for (vkn_pipeline *known = p->buckets[bucket]; known; known = known->next_in_bucket) {
        if (known->shader != shader || memcmp(&known->constants, constants, sizeof *constants) != 0) continue;
        *out = known->handle;
        return VKN_OK;
    }
    vkn_pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline) return vkn_fail(VKN_OUT_OF_MEMORY, "pipeline: out of host memory");
    pipeline->shader = shader;
    pipeline->constants = *constants;
    VkResult result = build(context, pipeline);
    if (result != VK_SUCCESS) {
        free(pipeline);
        return vkn_context_fail(context, result, codes[shader].name);
    }
    pipeline->next_in_bucket = p->buckets[bucket];
    p->buckets[bucket] = pipeline;
    if (p->last)
        p->last->next = pipeline;
    else
        p->first = pipeline;
    p->last = pipeline;
    *out = pipeline->handle;
    return VKN_OK;
}

vkn_result vkn_pipeline_get(vkn_context *context, vkn_shader shader, const vkn_constants *given, VkPipeline *out) {
    static const vkn_constants neutral = {
        .value = {[VKN_CONSTANT_LANES] = 1, [VKN_CONSTANT_CLUSTER] = 1, [VKN_CONSTANT_BLOCK] = 1}};
    vkn_constants constants = *given;
    for (uint32_t i = VKN_CONSTANT_LANES; i < VKN_CONSTANT_COUNT; ++i)
        if (!(codes[shader].uses & (1u << i))) constants.value[i] = neutral.value[i];
    pthread_mutex_lock(&context->pipelines_mutex);
    vkn_result result = find_or_build(context, shader, &constants, out);
    pthread_mutex_unlock(&context->pipelines_mutex);
    return result;
}

void vkn_context_pipelines(vkn_context *context, void (*visit)(void *user, const char *name, VkPipeline), void *user) {
    pthread_mutex_lock(&context->pipelines_mutex);
    for (const vkn_pipeline *p = context->pipelines.first; p; p = p->next) {
        const uint32_t *c = p->constants.value;
        static const char *const dtypes[] = {"", " f16", " bf16"}, *const activations[] = {"", " relu", " silu"};
        static const char *const residuals[] = {"", " after", " before"};
        char name[200];
        (void)snprintf(name, sizeof name, "%s workgroup=%u lanes=%u cluster=%u block=%u%s%s%s affine=%u%s%s%s%s%s",
                       codes[p->shader].name, c[VKN_CONSTANT_WORKGROUP], c[VKN_CONSTANT_LANES], c[VKN_CONSTANT_CLUSTER],
                       c[VKN_CONSTANT_BLOCK], c[VKN_CONSTANT_VECTOR] ? " vector" : "",
                       c[VKN_CONSTANT_ON_CHIP] ? " on_chip" : "", c[VKN_CONSTANT_CENTERED] ? " centered" : "",
                       c[VKN_CONSTANT_AFFINE], dtypes[c[VKN_CONSTANT_DTYPE]],
                       c[VKN_CONSTANT_PARAMETER] ? " narrow_weight" : "", activations[c[VKN_CONSTANT_ACTIVATION]],
                       residuals[c[VKN_CONSTANT_RESIDUAL]], c[VKN_CONSTANT_DRESIDUAL] ? " dresidual" : "");
        visit(user, name, p->handle);
    }
    pthread_mutex_unlock(&context->pipelines_mutex);
}
