// SPDX-License-Identifier: MIT
// Empty tensors: legal everywhere. Nothing is computed; dweight and dbias become zeros, or stay where they accumulate.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "box.h"
#include "rig.h"

enum { MOST = 24 };

static struct empty_case {
    const char *name;
    vkn_kind kind;
    vkn_layout layout;
    vkn_dtype dtype;
    uint32_t rank, shape[VKN_MAX_RANK];
    uint32_t features; // elements of weight and bias
} cases[] = {
    {"batch, no samples", VKN_BATCH, VKN_CHANNELS_FIRST, VKN_F32, 3, {0, 6, 5}, 6},
    {"batch, no space, channels last", VKN_BATCH, VKN_CHANNELS_LAST, VKN_F16, 4, {4, 6, 0, 5}, 6},
    {"batch, no space, per sample", VKN_BATCH, VKN_CHANNELS_FIRST, VKN_F32, 4, {4, 6, 0, 5}, 24},
    {"batch, no channels", VKN_BATCH, VKN_CHANNELS_FIRST, VKN_F32, 3, {4, 0, 5}, 0},
    {"instance, no samples", VKN_INSTANCE, VKN_CHANNELS_FIRST, VKN_BF16, 3, {0, 6, 5}, 6},
    {"group, no samples", VKN_GROUP, VKN_CHANNELS_LAST, VKN_F32, 3, {0, 6, 5}, 6},
    {"layer, no rows", VKN_LAYER, VKN_CHANNELS_FIRST, VKN_F16, 2, {0, 7}, 7},
    {"layer, no columns", VKN_LAYER, VKN_CHANNELS_FIRST, VKN_F32, 2, {7, 0}, 0},
    {"layer, no rows, per sample", VKN_LAYER, VKN_CHANNELS_FIRST, VKN_BF16, 3, {3, 0, 7}, 21},
    {"rms, no rows", VKN_RMS, VKN_CHANNELS_FIRST, VKN_F32, 2, {0, 7}, 7},
};

enum role { X, Y, H, RESIDUAL, DX, DRESIDUAL, WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, DWEIGHT, DBIAS, ROLES };

struct calls {
    struct box box[ROLES];
    vkn_norm norm;
    vkn_forward_args after, before; // with a residual after the norm, and with one before it
    vkn_backward_args backward;
};

static struct calls calls_make(const struct empty_case *c) {
    static const char *const names[] = {"x",         "y",      "h",    "residual",     "dx",
                                        "dresidual", "weight", "bias", "running_mean", "running_var",
                                        "dweight",   "dbias"};
    float some[MOST];
    for (int i = 0; i < MOST; i++)
        some[i] = (float)(i + 1);
    struct calls k = {.norm = vkn_norm_defaults(c->kind)};
    k.norm.activation = VKN_SILU;
    const vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, c->dtype, c->layout, c->rank, c->shape);
    const uint32_t channels = c->rank > 1 ? c->shape[1] : 1;
    for (uint32_t i = 0; i < ROLES; i++) {
        uint32_t count = i == RUNNING_MEAN || i == RUNNING_VAR ? channels : c->features;
        k.box[i] = i < WEIGHT ? box_make(fixture.context, names[i], 2 * i + 1, &like, NULL)
                              : box_make_vector(fixture.context, names[i], i, count, some);
    }
    k.after = (vkn_forward_args){.x = k.box[X].tensor,
                                 .y = k.box[Y].tensor,
                                 .residual = k.box[RESIDUAL].tensor,
                                 .weight = k.box[WEIGHT].tensor,
                                 .momentum = 0.1f,
                                 .training = true};
    k.backward = (vkn_backward_args){.x = k.box[X].tensor,
                                     .dy = k.box[Y].tensor,
                                     .residual = k.box[RESIDUAL].tensor,
                                     .weight = k.box[WEIGHT].tensor,
                                     .dx = k.box[DX].tensor,
                                     .dresidual = k.box[DRESIDUAL].tensor,
                                     .dweight = k.box[DWEIGHT].tensor,
                                     .training = true};
    if (c->kind == VKN_BATCH || c->kind == VKN_INSTANCE) {
        k.after.running_mean = k.box[RUNNING_MEAN].tensor;
        k.after.running_var = k.box[RUNNING_VAR].tensor;
    }
    if (c->kind != VKN_RMS) {
        k.after.bias = k.backward.bias = k.box[BIAS].tensor;
        k.backward.dbias = k.box[DBIAS].tensor;
    }
    k.before = k.after;
    k.before.h = k.box[H].tensor;
    return k;
}

static void record(const struct calls *k) {
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    MUST(vkn_norm_forward(fixture.recorder, &k->norm, &k->after));
    MUST(vkn_norm_forward(fixture.recorder, &k->norm, &k->before));
    MUST(vkn_recorder_barrier(fixture.recorder));
    MUST(vkn_norm_backward(fixture.recorder, &k->norm, &k->backward));
}

static void nothing_but_zeros(void **state) {
    const struct empty_case *c = *state;
    struct calls k = calls_make(c);
    for (int accumulate = 1; accumulate >= 0; accumulate--) {
        k.backward.accumulate = accumulate;
        record(&k);
        MUST(vkn_recorder_submit_and_wait(fixture.recorder));
        int faults = 0;
        for (int i = 0; i < ROLES; i++)
            faults += box_fetch(&k.box[i], c->name, !accumulate && i >= DWEIGHT);
        assert_int_equal(faults, 0);
    }
    const double none[MOST] = {0};
    assert_int_equal(compare_box(c->name, &k.box[DWEIGHT], none, 0, NULL), 0);
    if (c->kind != VKN_RMS) assert_int_equal(compare_box(c->name, &k.box[DBIAS], none, 0, NULL), 0);

    // An empty tensor needs no buffer.
    k.after.x.buffer = k.after.y.buffer = k.before.x.buffer = k.before.y.buffer = VK_NULL_HANDLE;
    k.backward.x.buffer = k.backward.dy.buffer = VK_NULL_HANDLE;
    record(&k);
    MUST(vkn_norm_prepare(fixture.context, &k.norm, &k.after.x, VKN_F32, VKN_RESIDUAL_AFTER));
    for (int i = 0; i < ROLES; i++)
        box_destroy(&k.box[i]);
}

int main(void) {
    struct CMUnitTest tests[sizeof cases / sizeof *cases];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tests[i] = (struct CMUnitTest){cases[i].name, nothing_but_zeros, NULL, NULL, &cases[i]};
    }
    return cmocka_run_group_tests_name("empty", tests, fixture_open, fixture_close);
}
