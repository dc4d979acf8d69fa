// SPDX-License-Identifier: MIT
#include "pipeline.h"
#include "context.h"
#include "error.h"
#include "hash.h"
#include "shader_code.h"
#include "specialize.h"
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
// Reductions through shared memory; with subgroup shuffles; with these, and x and dy read as texels.
enum { SHARED_MEMORY, SHUFFLES, TEXELS, WAYS };

typedef struct shader_code {
    const char *name;
    uint32_t bindings, writes, push_bytes, uses;
    module modules[WAYS][STORAGES]; // another variant where there is no such one
} shader_code;

#define MODULE(name)                                                                                                   \
    { name##_spv, sizeof name##_spv }
#define SAME(name)                                                                                                     \
    { MODULE(name), MODULE(name), MODULE(name) }
#define EACH(name)                                                                                                     \
    { MODULE(name), MODULE(name##_narrow), MODULE(name##_halves) }
#define PLAIN(name)                                                                                                    \
    { SAME(name), SAME(name), SAME(name) }
#define SUBGROUP(name)                                                                                                 \
    { SAME(name), SAME(name##_subgroup), SAME(name##_subgroup) }
#define BOTH(name)                                                                                                     \
    { MODULE(name), MODULE(name##_narrow), MODULE(name##_narrow) }
#define SUBGROUP_NARROW(name)                                                                                          \
    { BOTH(name), BOTH(name##_subgroup), BOTH(name##_subgroup) }
#define HALVES(name)                                                                                                   \
    { EACH(name), EACH(name), BOTH(name##_texels) }
#define SUBGROUP_HALVES(name)                                                                                          \
    { EACH(name), EACH(name##_subgroup), BOTH(name##_texels) }

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

uint32_t vkn_shader_texels(vkn_shader shader) {
    uint32_t uses = codes[shader].uses;
    return !(uses & VKN_USES(TEXELS)) ? 0 : uses & VKN_USES(DRESIDUAL) ? 2 : 1; // backward reads dy, too
}

uint64_t vkn_shaders_hash(void) {
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; ++i)
        for (size_t m = 0; m < sizeof codes[i].modules / sizeof(module); ++m) {
            const module *code = &codes[i].modules[m / STORAGES][m % STORAGES];
            // Variants that are the same stand beside each other, or one below the other.
            bool seen = (m % STORAGES && code->words == code[-1].words) ||
                        (m / STORAGES && code->words == code[-STORAGES].words);
            if (!seen) hash = vkn_hash(code->words, code->bytes, hash);
        }
    return hash;
}

static vkn_result init_layout(vkn_context *context, uint32_t count, uint32_t texels) {
    vkn_pipelines *p = &context->pipelines;
    uint32_t kind = vkn_layout_of(count, texels);
    VkDescriptorSetLayoutBinding bindings[VKN_MAX_BINDINGS];
    for (uint32_t i = 0; i < count; ++i)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = i < texels ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    bool push = vkn_context_uses(context, VKN_FEATURE_PUSH_DESCRIPTOR);
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .flags = push ? VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR : 0,
        .bindingCount = count,
        .pBindings = bindings,
    };
    VkResult result =
        context->vk.vkCreateDescriptorSetLayout(context->device, &set, context->allocator, &p->set_layouts[kind]);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkCreateDescriptorSetLayout");
    VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = PUSH_BYTES};
    VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &p->set_layouts[kind],
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    result = context->vk.vkCreatePipelineLayout(context->device, &layout, context->allocator, &p->layouts[kind]);
    return result == VK_SUCCESS ? VKN_OK : vkn_context_fail(context, result, "vkCreatePipelineLayout");
}

vkn_result vkn_pipelines_init(vkn_context *context) {
    vkn_result result = VKN_OK;
    for (uint32_t s = 0; result == VKN_OK && s < VKN_SHADER_COUNT; ++s) {
        const uint32_t counts[] = {0, vkn_shader_texels(s)};
        for (uint32_t i = 0; result == VKN_OK && i < 2; ++i) {
            if (!context->pipelines.layouts[vkn_layout_of(codes[s].bindings, counts[i])])
                result = init_layout(context, codes[s].bindings, counts[i]);
        }
    }
    return result;
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
    for (uint32_t i = 0; i < VKN_LAYOUTS; ++i) {
        context->vk.vkDestroyPipelineLayout(context->device, p->layouts[i], context->allocator);
        context->vk.vkDestroyDescriptorSetLayout(context->device, p->set_layouts[i], context->allocator);
    }
}

static VkResult make_module(vkn_context *context, const module *chosen, const uint32_t *constants,
                            VkShaderModule *out) {
    size_t count = chosen->bytes / sizeof(uint32_t), ids = chosen->words[VKN_SPIRV_BOUND];
    uint32_t *words = malloc((count + 2 * ids) * sizeof *words);
    if (!words) return VK_ERROR_OUT_OF_HOST_MEMORY;
    count = vkn_specialize(chosen->words, count, constants, VKN_CONSTANT_COUNT, words, words + count);
    VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = count * sizeof *words,
        .pCode = words,
    };
    VkResult result = count ? context->vk.vkCreateShaderModule(context->device, &info, context->allocator, out)
                            : VK_ERROR_INITIALIZATION_FAILED;
    free(words);
    return result;
}

static VkResult build(vkn_context *context, vkn_pipeline *pipeline) {
    const shader_code *code = &codes[pipeline->shader];
    const uint32_t *constant = pipeline->constants.value;
    uint32_t texels = constant[VKN_CONSTANT_TEXELS];
    int way = texels > 0 ? TEXELS : constant[VKN_CONSTANT_CLUSTER] > 1 ? SHUFFLES : SHARED_MEMORY;
    bool wide = constant[VKN_CONSTANT_DTYPE] == VKN_STORAGE_F32 && constant[VKN_CONSTANT_PARAMETER] == VKN_STORAGE_F32;
    // Whole words need no 16-bit stores.
    bool halves = !constant[VKN_CONSTANT_VECTOR] && vkn_context_uses(context, VKN_FEATURE_STORAGE_16BIT);
    const module *chosen = &code->modules[way][wide ? WIDE : halves ? STORES_HALVES : NARROW];
    VkShaderModule shader_module = VK_NULL_HANDLE;
    VkResult result = make_module(context, chosen, constant, &shader_module);
    if (result != VK_SUCCESS) return result;
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = context->capture_statistics ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR : 0,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = shader_module,
                  .pName = "main"},
        .layout = context->pipelines.layouts[vkn_layout_of(code->bindings, texels)],
    };
    result = context->vk.vkCreateComputePipelines(context->device, context->cache.handle, 1, &info, context->allocator,
                                                  &pipeline->handle);
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
    atomic_store(&context->cache.grown, true);
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
    static const vkn_constants neutral = {.value = {[VKN_CONSTANT_LANES] = 1,
                                                    [VKN_CONSTANT_CLUSTER] = 1,
                                                    [VKN_CONSTANT_BLOCK] = 1,
                                                    [VKN_CONSTANT_ROWS] = 1,
                                                    [VKN_CONSTANT_WORDS] = 1}};
    vkn_constants constants = *given;
    for (uint32_t i = VKN_CONSTANT_LANES; i < VKN_CONSTANT_COUNT; ++i)
        if (!(codes[shader].uses & (1u << i))) constants.value[i] = neutral.value[i];
    pthread_mutex_lock(&context->pipelines_mutex);
    vkn_result result = find_or_build(context, shader, &constants, out);
    pthread_mutex_unlock(&context->pipelines_mutex);
    return result;
}

// How constants read in a pipeline's name: a number, or the word of the value.
typedef struct label {
    const char *number, *words[4];
} label;
static const label labels[] = {
    [VKN_CONSTANT_WORKGROUP] = {.number = "workgroup"},
    [VKN_CONSTANT_LANES] = {.number = "lanes"},
    [VKN_CONSTANT_CLUSTER] = {.number = "cluster"},
    [VKN_CONSTANT_BLOCK] = {.number = "block"},
    [VKN_CONSTANT_VECTOR] = {.words = {"", " vector", " pairs"}},
    [VKN_CONSTANT_ON_CHIP] = {.words = {"", " on_chip"}},
    [VKN_CONSTANT_CENTERED] = {.words = {"", " centered"}},
    [VKN_CONSTANT_AFFINE] = {.number = "affine"},
    [VKN_CONSTANT_DTYPE] = {.words = {"", " f16", " bf16"}},
    [VKN_CONSTANT_PARAMETER] = {.words = {"", " f16_weight", " bf16_weight"}},
    [VKN_CONSTANT_ACTIVATION] = {.words = {"", " relu", " silu"}},
    [VKN_CONSTANT_RESIDUAL] = {.words = {"", " after", " before"}},
    [VKN_CONSTANT_DRESIDUAL] = {.words = {"", " dresidual"}},
    [VKN_CONSTANT_WHOLE] = {.words = {"", " whole"}},
    [VKN_CONSTANT_SUMS] = {.words = {"", " sums", " sums_of_workgroup"}},
    [VKN_CONSTANT_DX] = {.words = {"", " dx", " dx_after", " frozen"}},
    [VKN_CONSTANT_ROWS] = {.number = "rows"},
    [VKN_CONSTANT_WORDS] = {.number = "words"},
    [VKN_CONSTANT_ONE_OUTER] = {.words = {"", " one_outer"}},
    [VKN_CONSTANT_TEXELS] = {.words = {"", " texels", " texels"}},
};
_Static_assert(sizeof labels / sizeof *labels == VKN_CONSTANT_COUNT, "each constant has a label");

static void print_name(const vkn_pipeline *pipeline, char *name, size_t bytes) {
    size_t used = (size_t)snprintf(name, bytes, "%s", codes[pipeline->shader].name);
    for (uint32_t i = 0; i < VKN_CONSTANT_COUNT && used < bytes; ++i) {
        uint32_t value = pipeline->constants.value[i];
        const label *l = &labels[i];
        used += (size_t)(l->number ? snprintf(name + used, bytes - used, " %s=%u", l->number, value)
                                   : snprintf(name + used, bytes - used, "%s", l->words[value]));
    }
}

void vkn_context_pipelines(vkn_context *context, void (*visit)(void *user, const char *name, VkPipeline), void *user) {
    pthread_mutex_lock(&context->pipelines_mutex);
    for (const vkn_pipeline *p = context->pipelines.first; p; p = p->next) {
        char name[256];
        print_name(p, name, sizeof name);
        visit(user, name, p->handle);
    }
    pthread_mutex_unlock(&context->pipelines_mutex);
}
