// SPDX-License-Identifier: MIT
// Builds every pipeline for a table of norms and shapes and prints what the driver's compiler made of each: registers,
// shared memory, spills. Fails on any spilled register. Meant for RADV's null device, which compiles but cannot run.
// Argument: the driver's manifest; without such a file there is nothing to do (77).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <vknorm/vknorm.h>

#include "rig.h"

enum { SKIPPED = 77, LEAST_PIPELINES = 300 };

static const struct shape {
    vkn_kind kind;
    uint32_t groups, normalized_rank;
    vkn_layout layout;
    uint32_t rank, shape[VKN_MAX_RANK];
} shapes[] = {
    {VKN_BATCH, 1, 1, VKN_CHANNELS_FIRST, 4, {32, 64, 56, 56}},
    {VKN_BATCH, 1, 1, VKN_CHANNELS_FIRST, 4, {32, 2048, 7, 7}},
    {VKN_BATCH, 1, 1, VKN_CHANNELS_LAST, 4, {32, 64, 56, 56}},
    {VKN_BATCH, 1, 1, VKN_CHANNELS_FIRST, 2, {256, 1000}},
    {VKN_BATCH, 1, 1, VKN_CHANNELS_FIRST, 3, {8, 3, 5}},
    {VKN_INSTANCE, 1, 1, VKN_CHANNELS_FIRST, 4, {4, 64, 256, 256}},
    {VKN_INSTANCE, 1, 1, VKN_CHANNELS_FIRST, 3, {4, 64, 1000}},
    {VKN_INSTANCE, 1, 1, VKN_CHANNELS_LAST, 4, {4, 64, 256, 256}},
    {VKN_GROUP, 32, 1, VKN_CHANNELS_FIRST, 4, {2, 320, 64, 64}},
    {VKN_GROUP, 32, 1, VKN_CHANNELS_LAST, 4, {2, 320, 64, 64}},
    {VKN_GROUP, 8, 1, VKN_CHANNELS_FIRST, 4, {2, 64, 7, 7}},
    {VKN_LAYER, 1, 1, VKN_CHANNELS_FIRST, 2, {4096, 768}},
    {VKN_LAYER, 1, 1, VKN_CHANNELS_FIRST, 2, {4096, 8192}},
    {VKN_LAYER, 1, 1, VKN_CHANNELS_FIRST, 2, {64, 100000}},
    {VKN_LAYER, 1, 1, VKN_CHANNELS_FIRST, 2, {100000, 7}},
    {VKN_RMS, 1, 1, VKN_CHANNELS_FIRST, 2, {4096, 1024}},
    {VKN_RMS, 1, 1, VKN_CHANNELS_FIRST, 2, {4096, 4096}},
    {VKN_RMS, 1, 1, VKN_CHANNELS_FIRST, 2, {3, 1000001}},
};

struct report {
    vkn_context_info info;
    PFN_vkGetPipelineExecutablePropertiesKHR properties;
    PFN_vkGetPipelineExecutableStatisticsKHR statistics;
    uint32_t pipelines, spilling;
};

// The statistics shown, by the names that drivers of Mesa give them.
static const char *const columns[] = {"VGPRs", "SGPRs", "LDS size", "Spilled VGPRs", "Spilled SGPRs", "Code size"};
enum { COLUMNS = sizeof columns / sizeof *columns, FIRST_SPILL = 3, LAST_SPILL = 4 };

static uint64_t value_of(const VkPipelineExecutableStatisticKHR *s) {
    if (s->format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR) return s->value.b32;
    if (s->format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR) return (uint64_t)s->value.f64;
    return s->value.u64;
}

static void report_executable(struct report *r, const char *name, VkPipeline pipeline, uint32_t executable) {
    VkPipelineExecutableInfoKHR which = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline, .executableIndex = executable};
    VkPipelineExecutableStatisticKHR all[64];
    for (size_t i = 0; i < 64; i++) {
        all[i] = (VkPipelineExecutableStatisticKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    }
    uint32_t count = 64;
    assert_true(r->statistics(r->info.vk_device, &which, &count, all) >= 0);
    uint64_t shown[COLUMNS] = {0};
    uint32_t known = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (size_t c = 0; c < COLUMNS; c++) {
            if (strcmp(all[i].name, columns[c]) != 0) continue;
            shown[c] = value_of(&all[i]);
            known++;
        }
    }
    assert_int_equal(known, COLUMNS); // else a spill could hide behind another name
    for (size_t c = 0; c < COLUMNS; c++)
        printf("%14llu", (unsigned long long)shown[c]);
    printf("  %s\n", name);
    for (size_t c = FIRST_SPILL; c <= LAST_SPILL; c++)
        r->spilling += shown[c] > 0;
}

static void report_pipeline(void *user, const char *name, VkPipeline pipeline) {
    struct report *r = user;
    VkPipelineInfoKHR which = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutablePropertiesKHR properties[8];
    for (size_t i = 0; i < 8; i++) {
        properties[i] =
            (VkPipelineExecutablePropertiesKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    }
    uint32_t count = 8;
    assert_true(r->properties(r->info.vk_device, &which, &count, properties) >= 0 && count > 0);
    for (uint32_t i = 0; i < count; i++)
        report_executable(r, name, pipeline, i);
    r->pipelines++;
}

// With and without what chooses among a shader's variants.
static struct variant {
    const char *name;
    uint32_t disable;
    size_t step; // through all pairs of a shape and an operation
} variants[] = {
    {"subgroups and 16-bit storage", 0, 1},
    {"neither", VKN_FEATURE_SUBGROUP | VKN_FEATURE_STORAGE_16BIT, 4},
};

static const struct operation {
    vkn_dtype x, weight;
    vkn_activation activation;
    vkn_residual residual;
} operations[] = {
    {VKN_F32, VKN_F32, VKN_NO_ACTIVATION, VKN_NO_RESIDUAL},
    {VKN_F32, VKN_F32, VKN_SILU, VKN_RESIDUAL_AFTER},
    {VKN_F32, VKN_F32, VKN_RELU, VKN_RESIDUAL_BEFORE},
    {VKN_F16, VKN_F32, VKN_NO_ACTIVATION, VKN_NO_RESIDUAL},
    {VKN_F16, VKN_F16, VKN_RELU, VKN_RESIDUAL_AFTER},
    {VKN_F16, VKN_F16, VKN_SILU, VKN_RESIDUAL_BEFORE},
    {VKN_BF16, VKN_BF16, VKN_SILU, VKN_NO_RESIDUAL},
    {VKN_BF16, VKN_F32, VKN_SILU, VKN_RESIDUAL_AFTER},
    {VKN_BF16, VKN_BF16, VKN_NO_ACTIVATION, VKN_RESIDUAL_BEFORE},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, OPERATIONS = sizeof operations / sizeof *operations };

// What vkn_norm_prepare builds holds the pipelines of weights per sample too.
static void prepare_all(vkn_context *context, size_t step) {
    for (size_t i = 0; i < (size_t)SHAPES * OPERATIONS; i += step) {
        const struct shape *s = &shapes[i / OPERATIONS];
        const struct operation *o = &operations[i % OPERATIONS];
        vkn_norm norm = {s->kind, s->groups, s->normalized_rank, 1e-5f, o->activation, 0};
        vkn_tensor x = vkn_tensor_make(VK_NULL_HANDLE, 0, o->x, s->layout, s->rank, s->shape);
        MUST(vkn_norm_prepare(context, &norm, &x, o->weight, o->residual));
    }
}

static void no_pipeline_spills(void **state) {
    const struct variant *v = *state;
    struct report r = {0};
    vkn_context *context = NULL;
    vkn_context_info info = {.capture_statistics = true, .disable = v->disable};
    MUST(vkn_context_create(&info, &context));
    vkn_device_info about;
    vkn_context_device_info(context, &about);
    printf("%s, %s, subgroups of %u\n", about.name, v->name, about.subgroup_size);
    for (size_t c = 0; c < COLUMNS; c++)
        printf("%14s", columns[c]);
    printf("  pipeline\n");
    prepare_all(context, v->step);
    vkn_context_get_info(context, &r.info);
    PFN_vkGetDeviceProcAddr get =
        (PFN_vkGetDeviceProcAddr)r.info.get_instance_proc_addr(r.info.instance, "vkGetDeviceProcAddr");
    r.properties =
        (PFN_vkGetPipelineExecutablePropertiesKHR)get(r.info.vk_device, "vkGetPipelineExecutablePropertiesKHR");
    r.statistics =
        (PFN_vkGetPipelineExecutableStatisticsKHR)get(r.info.vk_device, "vkGetPipelineExecutableStatisticsKHR");
    assert_true(r.properties && r.statistics);
    vkn_context_pipelines(context, report_pipeline, &r);
    printf("%u pipelines, %u spill\n\n", r.pipelines, r.spilling);
    vkn_context_destroy(context);
    assert_true(r.pipelines >= LEAST_PIPELINES);
    assert_int_equal(r.spilling, 0);
}

int main(int argc, char **argv) {
    FILE *manifest = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!manifest) {
        printf("skipped: the driver RADV is not installed (no manifest %s)\n", argc == 2 ? argv[1] : "given");
        return SKIPPED;
    }
    (void)fclose(manifest);
    enum { VARIANTS = sizeof variants / sizeof *variants };
    struct CMUnitTest tests[VARIANTS];
    for (size_t i = 0; i < VARIANTS; i++)
        tests[i] = (struct CMUnitTest){variants[i].name, no_pipeline_spills, NULL, NULL, &variants[i]};
    return cmocka_run_group_tests_name("pipelines", tests, NULL, NULL);
}
