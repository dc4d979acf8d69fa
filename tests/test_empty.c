// SPDX-License-Identifier: MIT
// Empty tensors: legal everywhere. Nothing is computed; dweight and dbias become zeros, or stay where they accumulate.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "rig.h"

static struct rig rig;

static int setup(void **state) {
    (void)state;
    return rig_open(&rig, NULL);
}

static int teardown(void **state) {
    (void)state;
    rig_close(&rig);
    return 0;
}

static struct empty_case {
    const char *name;
    vkn_kind kind;
    vkn_layout layout;
    uint32_t rank, shape[VKN_MAX_RANK];
    uint32_t features;
} cases[] = {
    {"batch, no samples", VKN_BATCH, VKN_CHANNELS_FIRST, 3, {0, 6, 5}, 6},
    {"batch, no space, channels last", VKN_BATCH, VKN_CHANNELS_LAST, 4, {4, 6, 0, 5}, 6},
    {"batch, no channels", VKN_BATCH, VKN_CHANNELS_FIRST, 3, {4, 0, 5}, 0},
    {"instance, no samples", VKN_INSTANCE, VKN_CHANNELS_FIRST, 3, {0, 6, 5}, 6},
    {"group, no samples", VKN_GROUP, VKN_CHANNELS_LAST, 3, {0, 6, 5}, 6},
    {"layer, no rows", VKN_LAYER, VKN_CHANNELS_FIRST, 2, {0, 7}, 7},
    {"layer, no columns", VKN_LAYER, VKN_CHANNELS_FIRST, 2, {7, 0}, 0},
    {"rms, no rows", VKN_RMS, VKN_CHANNELS_FIRST, 2, {0, 7}, 7},
};

static void nothing_but_zeros(void **state) {
    const struct empty_case *c = *state;
    const float some[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, c->layout, c->rank, c->shape);
    vkn_norm norm = vkn_norm_defaults(c->kind);
    struct box x = box_make(rig.context, "x", 3, &like, NULL), y = box_make(rig.context, "y", 1, &like, NULL);
    struct box dx = box_make(rig.context, "dx", 5, &like, NULL);
    struct box weight = box_make_vector(rig.context, "weight", 1, c->features, some);
    struct box dweight = box_make_vector(rig.context, "dweight", 1, c->features, some);
    struct box dbias = box_make_vector(rig.context, "dbias", 1, c->features, some);
    struct box running_mean = box_make_vector(rig.context, "running_mean", 1, c->features, some);
    struct box running_var = box_make_vector(rig.context, "running_var", 1, c->features, some);
    vkn_forward_args forward = {.x = x.tensor, .y = y.tensor, .weight = weight.tensor, .momentum = 0.1f};
    forward.training = true;
    if (c->kind == VKN_BATCH || c->kind == VKN_INSTANCE) {
        forward.running_mean = running_mean.tensor;
        forward.running_var = running_var.tensor;
    }
    vkn_backward_args backward = {
        .x = x.tensor, .dy = y.tensor, .weight = weight.tensor, .dx = dx.tensor, .dweight = dweight.tensor};
    backward.training = backward.accumulate = true;
    if (c->kind != VKN_RMS) backward.dbias = dbias.tensor;

    struct box *all[] = {&x, &y, &dx, &weight, &running_mean, &running_var, &dweight, &dbias};
    enum { BOXES = sizeof all / sizeof *all, GRADIENTS = 2 };
    for (int accumulate = 1; accumulate >= 0; accumulate--) {
        backward.accumulate = accumulate;
        MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
        MUST(vkn_norm_forward(rig.recorder, &norm, &forward));
        MUST(vkn_recorder_barrier(rig.recorder));
        MUST(vkn_norm_backward(rig.recorder, &norm, &backward));
        MUST(vkn_recorder_submit_and_wait(rig.recorder));
        int faults = 0;
        for (int i = 0; i < BOXES; i++)
            faults += box_fetch(all[i], c->name, !accumulate && i >= BOXES - GRADIENTS);
        assert_int_equal(faults, 0);
    }
    const double none[8] = {0};
    assert_int_equal(compare(c->name, "dweight", box_floats(&dweight), none, c->features, 0), 0);
    if (c->kind != VKN_RMS) {
        assert_int_equal(compare(c->name, "dbias", box_floats(&dbias), none, c->features, 0), 0);
    }

    // An empty tensor needs no buffer.
    forward.x.buffer = forward.y.buffer = backward.x.buffer = backward.dy.buffer = VK_NULL_HANDLE;
    MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
    MUST(vkn_norm_forward(rig.recorder, &norm, &forward));
    MUST(vkn_norm_backward(rig.recorder, &norm, &backward));
    MUST(vkn_norm_prepare(rig.context, &norm, &like));
    for (int i = 0; i < BOXES; i++)
        box_destroy(all[i]);
}

int main(void) {
    struct CMUnitTest tests[sizeof cases / sizeof *cases];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tests[i] = (struct CMUnitTest){cases[i].name, nothing_but_zeros, NULL, NULL, &cases[i]};
    }
    return cmocka_run_group_tests_name("empty", tests, setup, teardown);
}
