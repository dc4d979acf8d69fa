// SPDX-License-Identifier: MIT
// After vkn_norm_prepare no call builds a pipeline: forward and backward with every set of tensors that goes with what
// was prepared. Calls are recorded and never submitted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "call.h"
#include "rig.h"

#define BIT(role) (1u << (role))

static const struct shape {
    vkn_kind kind;
    uint32_t groups;
    vkn_layout layout;
    uint32_t rank, shape[VKN_MAX_RANK];
} shapes[] = {
    {VKN_BATCH, 1, VKN_CHANNELS_FIRST, 4, {4, 6, 33, 36}}, {VKN_BATCH, 1, VKN_CHANNELS_LAST, 4, {4, 8, 33, 35}},
    {VKN_INSTANCE, 1, VKN_CHANNELS_FIRST, 3, {2, 3, 100}}, {VKN_GROUP, 2, VKN_CHANNELS_FIRST, 3, {3, 8, 999}},
    {VKN_GROUP, 2, VKN_CHANNELS_LAST, 4, {2, 8, 40, 40}},  {VKN_LAYER, 1, VKN_CHANNELS_FIRST, 2, {300, 132}},
    {VKN_RMS, 1, VKN_CHANNELS_FIRST, 2, {5, 40000}},
};
static const struct dtypes {
    vkn_dtype x, weight;
} dtypes[] = {
    {VKN_F32, VKN_F32}, {VKN_F16, VKN_F32}, {VKN_F16, VKN_F16}, {VKN_BF16, VKN_F32}, {VKN_BF16, VKN_BF16},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, DTYPES = sizeof dtypes / sizeof *dtypes, RESIDUALS = 3 };

// What every call of a function has, and what any set of which it may have; by vkn_residual.
static const struct choice {
    enum function function;
    vkn_residual residual;
    uint32_t always, maybe;
} choices[] = {
    {FORWARD, VKN_NO_RESIDUAL, BIT(X) | BIT(Y), BIT(MOMENTS)},
    {FORWARD, VKN_RESIDUAL_AFTER, BIT(X) | BIT(Y) | BIT(RESIDUAL), BIT(MOMENTS)},
    {FORWARD, VKN_RESIDUAL_BEFORE, BIT(X) | BIT(Y) | BIT(RESIDUAL) | BIT(H), 0},
    {BACKWARD, VKN_NO_RESIDUAL, BIT(X) | BIT(DY), BIT(SUMS) | BIT(DX)},
    {BACKWARD, VKN_RESIDUAL_AFTER, BIT(X) | BIT(DY) | BIT(RESIDUAL), BIT(SUMS) | BIT(DX) | BIT(DRESIDUAL)},
    {BACKWARD, VKN_RESIDUAL_BEFORE, BIT(X) | BIT(DY), BIT(SUMS) | BIT(DX) | BIT(DH)},
};

static void count_pipeline(void *user, const char *name, VkPipeline pipeline) {
    assert_true(name && *name && pipeline != VK_NULL_HANDLE);
    ++*(int *)user;
}

static int pipelines_of(vkn_context *context) {
    int count = 0;
    vkn_context_pipelines(context, count_pipeline, &count);
    return count;
}

// Places every tensor of the call in the buffer, one behind the other: at words of 16 bytes, or an element beyond.
static void place_tensors(struct call *c, const vkn_tensor *x, vkn_dtype weight, bool per_sample, bool words,
                          VkBuffer buffer) {
    uint32_t features = (uint32_t)vkn_norm_features(&c->norm, x), channels = x->shape[1];
    uint32_t groups = (uint32_t)vkn_norm_groups(&c->norm, x), parameters = features * (per_sample ? x->shape[0] : 1);
    VkDeviceSize offset = 0;
    for (uint32_t role = 0; role < ROLES; role++) {
        vkn_tensor *t = &c->tensors[role];
        *t = (vkn_tensor){.dtype = VKN_F32, .rank = 1, .shape = {4 * groups}};
        if (role <= DRESIDUAL) *t = *x;
        if (role >= WEIGHT && role <= DBIAS) t->shape[0] = parameters;
        if (role == WEIGHT || role == BIAS) t->dtype = weight;
        if (role == RUNNING_MEAN || role == RUNNING_VAR) t->shape[0] = channels;
        if (role == COUNTER) *t = (vkn_tensor){.dtype = VKN_I64, .rank = 1, .shape = {1}};
        VkDeviceSize element = t->dtype == VKN_I64 ? 8 : t->dtype == VKN_F32 ? 4 : 2;
        t->buffer = buffer;
        t->offset = offset + (words ? 0 : element);
        offset += (vkn_tensor_count(t) * element + 31) / 16 * 16;
    }
}

// Records the call with the tensors of the set `given` alone; the set may be none that goes together.
static void record_given(const struct call *all, uint32_t given, vkn_recorder *recorder) {
    struct call c = *all;
    bool tracks = c.norm.kind == VKN_BATCH || c.norm.kind == VKN_INSTANCE;
    bool running = given & BIT(RUNNING_MEAN);
    if (running && (!tracks || (c.function == BACKWARD && c.training))) return;
    if (c.norm.kind == VKN_RMS && given & (BIT(BIAS) | BIT(DBIAS))) return;
    if (given & BIT(MOMENTS) && !c.training) return;
    if (given & BIT(SUMS) && (running || !(given & BIT(STATISTICS)))) return;
    for (uint32_t role = 0; role < ROLES; role++) {
        if (!(given & BIT(role))) c.tensors[role].buffer = VK_NULL_HANDLE;
    }
    MUST(call_record(&c, recorder));
    MUST(vkn_recorder_barrier(recorder));
}

// Calls `record_given` with `always` and each subset of `maybe`.
static void record_sets(const struct call *c, uint32_t always, uint32_t maybe, vkn_recorder *recorder) {
    uint32_t set = 0;
    do {
        record_given(c, always | set, recorder);
        set = (set - maybe) & maybe;
    } while (set);
}

static void record_all(struct rig *rig, struct call *c, const vkn_tensor *x, vkn_dtype weight, vkn_residual residual,
                       VkBuffer buffer) {
    static const uint32_t more[] = {
        [FORWARD] = BIT(WEIGHT) | BIT(BIAS) | BIT(STATISTICS),
        [BACKWARD] = BIT(WEIGHT) | BIT(BIAS) | BIT(STATISTICS) | BIT(DWEIGHT) | BIT(DBIAS),
    };
    const uint32_t running = BIT(RUNNING_MEAN) | BIT(RUNNING_VAR);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (choices[i].residual != residual) continue;
        c->function = choices[i].function;
        for (uint32_t way = 0; way < 16; way++) {
            c->training = way & 1;
            place_tensors(c, x, weight, way & 2, way & 4, buffer);
            MUST(vkn_recorder_begin(rig->recorder, VK_NULL_HANDLE));
            uint32_t always = choices[i].always | (way & 8 ? running : 0);
            record_sets(c, always, choices[i].maybe | more[choices[i].function], rig->recorder);
        }
    }
}

static void nothing_is_left_to_build(void **state) {
    (void)state;
    for (uint32_t i = 0; i < SHAPES * DTYPES; i++) {
        const struct shape *s = &shapes[i / DTYPES];
        const struct dtypes *d = &dtypes[i % DTYPES];
        const vkn_residual residual = (vkn_residual)((i + i / DTYPES) % RESIDUALS); // in turns
        struct rig fresh;
        assert_int_equal(rig_open(&fresh, NULL), 0);
        vkn_buffer *buffer = NULL;
        vkn_tensor x = vkn_tensor_make(VK_NULL_HANDLE, 0, d->x, s->layout, s->rank, s->shape);
        struct call c = {.norm = vkn_norm_defaults(s->kind), .momentum = 0.1f, .ranks = 1};
        c.norm.groups = s->groups;
        c.norm.activation = (vkn_activation)(i / 2 % 3);
        MUST(vkn_buffer_create(fresh.context, 64 * vkn_tensor_count(&x) + (1 << 20), &buffer));
        if (i % 2) x.texels = vkn_buffer_texels(buffer);
        MUST(vkn_norm_prepare(fresh.context, &c.norm, &x, d->weight, residual));
        int prepared = pipelines_of(fresh.context);
        assert_true(prepared > 0);
        record_all(&fresh, &c, &x, d->weight, residual, vkn_buffer_handle(buffer));
        if (pipelines_of(fresh.context) != prepared) {
            fail_msg("shape %u, dtypes %u, residual %d, activation %d: %d pipelines prepared, %d used", i / DTYPES,
                     i % DTYPES, (int)residual, (int)c.norm.activation, prepared, pipelines_of(fresh.context));
        }
        vkn_buffer_destroy(buffer);
        rig_close(&fresh);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_left_to_build)};
    return cmocka_run_group_tests_name("prepare", tests, NULL, NULL);
}
