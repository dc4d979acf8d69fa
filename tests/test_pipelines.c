// SPDX-License-Identifier: MIT
// Builds every pipeline for a table of norms and shapes and prints what the driver's compiler made of each: registers,
// shared memory, spills. Fails on any spilled register. Meant for RADV's null device, which compiles but cannot run.
// Argument: the driver's manifest; without such a file there is nothing to do (77).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <vknorm/vknorm.h>

#include "kernel_statistics.h"
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
    {VKN_BATCH, 1, 1, VKN_CHANNELS_FIRST, 4, {32, 256, 14, 14}},
    {VKN_BATCH, 1, 1, VKN_CHANNELS_LAST, 4, {32, 64, 56, 56}},
    {VKN_BATCH, 1, 1, VKN_CHANNELS_FIRST, 2, {256, 1000}},
    {VKN_BATCH, 1, 1, VKN_CHANNELS_FIRST, 3, {8, 3, 5}},
    {VKN_INSTANCE, 1, 1, VKN_CHANNELS_FIRST, 4, {4, 64, 256, 256}},
    {VKN_INSTANCE, 1, 1, VKN_CHANNELS_FIRST, 3, {4, 64, 1000}},
    {VKN_INSTANCE, 1, 1, VKN_CHANNELS_LAST, 4, {4, 64, 256, 256}},
    {VKN_GROUP, 32, 1, VKN_CHANNELS_FIRST, 4, {2, 320, 64, 64}},
    {VKN_GROUP, 32, 1, VKN_CHANNELS_LAST, 4, {2, 320, 64, 64}},
    {VKN_GROUP, 8, 1, VKN_CHANNELS_FIRST, 4, {2, 64, 7, 7}},
    {VKN_GROUP, 32, 1, VKN_CHANNELS_FIRST, 4, {4, 1280, 16, 16}},
    {VKN_LAYER, 1, 1, VKN_CHANNELS_FIRST, 2, {4096, 768}},
    {VKN_LAYER, 1, 1, VKN_CHANNELS_FIRST, 2, {4096, 8192}},
    {VKN_LAYER, 1, 1, VKN_CHANNELS_FIRST, 2, {64, 100000}},
    {VKN_LAYER, 1, 1, VKN_CHANNELS_FIRST, 2, {100000, 7}},
    {VKN_RMS, 1, 1, VKN_CHANNELS_FIRST, 2, {4096, 1024}},
    {VKN_RMS, 1, 1, VKN_CHANNELS_FIRST, 2, {4096, 4096}},
    {VKN_RMS, 1, 1, VKN_CHANNELS_FIRST, 2, {3, 1000001}},
};

// With and without what chooses among a shader's variants.
static struct variant {
    const char *name;
    uint32_t disable;
    size_t step; // the command line's, times this
} variants[] = {
    {"subgroups and 16-bit storage", 0, 1},
    {"neither", VKN_FEATURE_SUBGROUP | VKN_FEATURE_STORAGE_16BIT, 2},
};

// Of all pairs of a shape and an operation each `step`th, from `first` on.
static size_t first, step;

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
static void prepare_all(vkn_context *context, size_t times) {
    for (size_t i = first; i < (size_t)SHAPES * OPERATIONS; i += step * times) {
        const struct shape *s = &shapes[i / OPERATIONS];
        const struct operation *o = &operations[i % OPERATIONS];
        vkn_norm norm = {s->kind, s->groups, s->normalized_rank, 1e-5f, o->activation, 0};
        vkn_tensor x = vkn_tensor_make(VK_NULL_HANDLE, 0, o->x, s->layout, s->rank, s->shape);
        MUST(vkn_norm_prepare(context, &norm, &x, o->weight, o->residual));
    }
}

// RADV's own names: a spill cannot hide behind another one.
static bool tells_of(const kernel *k, const char *name) {
    uint32_t i = 0;
    while (i < k->count && strcmp(k->statistics[i].name, name) != 0)
        i++;
    return i < k->count;
}

static void no_pipeline_spills(void **state) {
    const struct variant *v = *state;
    vkn_context *context = NULL;
    vkn_context_info info = {.cache_path = "", .capture_statistics = true, .disable = v->disable};
    MUST(vkn_context_create(&info, &context));
    vkn_device_info about;
    vkn_context_device_info(context, &about);
    prepare_all(context, v->step);
    kernel_list list;
    assert_true(kernel_list_read(context, &list));
    vkn_context_destroy(context);
    printf("%s, %s, subgroups of %u\n", about.name, v->name, about.subgroup_size);
    kernel_list_print(&list, stdout);
    size_t untold;
    const size_t spilling = kernel_list_spilling(&list, &untold);
    printf("%zu pipelines, %zu spill\n\n", list.pipelines, spilling);
    assert_true(list.pipelines >= LEAST_PIPELINES);
    assert_int_equal(list.count, list.pipelines);
    for (size_t i = 0; i < list.count; i++)
        assert_true(tells_of(&list.kernels[i], "Spilled VGPRs") && tells_of(&list.kernels[i], "Spilled SGPRs"));
    kernel_list_free(&list);
    assert_int_equal(untold, 0);
    assert_int_equal(spilling, 0);
}

int main(int argc, char **argv) {
    if (argc != 4 || !(step = strtoul(argv[3], NULL, 10))) return 2; // MANIFEST FIRST STEP
    first = strtoul(argv[2], NULL, 10);
    FILE *manifest = fopen(argv[1], "r");
    if (!manifest) {
        printf("skipped: the driver RADV is not installed (no manifest %s)\n", argv[1]);
        return SKIPPED;
    }
    (void)fclose(manifest);
    enum { VARIANTS = sizeof variants / sizeof *variants };
    struct CMUnitTest tests[VARIANTS];
    for (size_t i = 0; i < VARIANTS; i++)
        tests[i] = (struct CMUnitTest){variants[i].name, no_pipeline_spills, NULL, NULL, &variants[i]};
    return cmocka_run_group_tests_name("pipelines", tests, NULL, NULL);
}
