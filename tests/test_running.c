// SPDX-License-Identifier: MIT
// Running statistics over several steps, each step with other data.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "box.h"
#include "norm_case.h"

enum { STEPS = 5, CHANNELS = 7 };

struct running_case {
    const char *name;
    vkn_kind kind;
    vkn_layout layout;
    float momentum;
    bool counted; // num_batches_tracked is given
    bool biased;  // biased_running_var
};

static struct running_case cases[] = {
    {"batch, momentum 0.1", VKN_BATCH, VKN_CHANNELS_FIRST, 0.1f, true, false},
    {"batch, channels last, momentum 0.3, not counted", VKN_BATCH, VKN_CHANNELS_LAST, 0.3f, false, false},
    {"batch, cumulative", VKN_BATCH, VKN_CHANNELS_FIRST, VKN_MOMENTUM_CUMULATIVE, true, false},
    {"batch, momentum 0", VKN_BATCH, VKN_CHANNELS_FIRST, 0, true, false},
    {"batch, momentum 1", VKN_BATCH, VKN_CHANNELS_LAST, 1, true, false},
    {"instance, momentum 0.1", VKN_INSTANCE, VKN_CHANNELS_FIRST, 0.1f, true, false},
    {"instance, channels last, cumulative", VKN_INSTANCE, VKN_CHANNELS_LAST, VKN_MOMENTUM_CUMULATIVE, true, false},
    {"batch, biased", VKN_BATCH, VKN_CHANNELS_FIRST, 0.3f, true, true},
    {"batch, channels last, cumulative, biased", VKN_BATCH, VKN_CHANNELS_LAST, VKN_MOMENTUM_CUMULATIVE, true, true},
    {"instance, biased", VKN_INSTANCE, VKN_CHANNELS_LAST, 0.1f, false, true},
};

static void statistics_follow_the_reference(void **state) {
    const struct running_case *c = *state;
    const float start_mean[CHANNELS] = {0}, start_var[CHANNELS] = {1, 1, 1, 1, 1, 1, 1};
    double mean64[CHANNELS] = {0}, var64[CHANNELS] = {1, 1, 1, 1, 1, 1, 1};
    const int64_t none = 0;
    vkn_tensor one = {.dtype = VKN_I64, .rank = 1, .shape = {1}};
    struct box running_mean = box_make_vector(fixture.context, "running_mean", 3, CHANNELS, start_mean);
    struct box running_var = box_make_vector(fixture.context, "running_var", 5, CHANNELS, start_var);
    struct box counter = box_make(fixture.context, "num_batches_tracked", 1, &one, &none);
    vkn_norm norm = vkn_norm_defaults(c->kind);
    for (uint32_t step = 0; step < STEPS; step++) {
        // The batch grows from step to step: the unbiased variance has another n each time.
        const uint32_t shape[] = {2 + step, CHANNELS, 6};
        struct reference r = reference_make(&norm, c->layout, 3, shape);
        r.biased_running_var = c->biased;
        vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, c->layout, 3, shape);
        float *x = zeros(r.count, sizeof *x);
        data_fill_parameter(40 + step, r.count, 0.5 * step, 1 + step, x);
        struct box in = box_make(fixture.context, "x", 1, &like, x),
                   out = box_make(fixture.context, "y", 1, &like, NULL);
        vkn_forward_args args = {
            .x = in.tensor,
            .y = out.tensor,
            .running_mean = running_mean.tensor,
            .running_var = running_var.tensor,
            .momentum = c->momentum,
            .training = true,
            .biased_running_var = c->biased,
        };
        if (c->counted) args.num_batches_tracked = counter.tensor;
        MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
        MUST(vkn_norm_forward(fixture.recorder, &norm, &args));
        MUST(vkn_recorder_submit_and_wait(fixture.recorder));

        double *x64 = doubles_of(x, r.count), *mean = zeros(r.groups, 8), *var = zeros(r.groups, 8);
        reference_statistics(&r, x64, mean, var);
        double momentum = c->momentum < 0 ? 1.0 / (step + 1) : (double)c->momentum;
        reference_running(&r, mean, var, momentum, mean64, var64);
        int faults = box_fetch(&in, c->name, false) + box_fetch(&out, c->name, true);
        faults += box_fetch(&running_mean, c->name, true) + box_fetch(&running_var, c->name, true);
        faults += compare(c->name, "running_mean", box_floats(&running_mean), mean64, CHANNELS,
                          ulps64(magnitude(mean64, CHANNELS)));
        faults += compare(c->name, "running_var", box_floats(&running_var), var64, CHANNELS,
                          ulps64(magnitude(var64, CHANNELS)));
        assert_int_equal(faults, 0);
        void *used[] = {x, x64, mean, var};
        for (size_t i = 0; i < sizeof used / sizeof *used; i++)
            free(used[i]);
        box_destroy(&in);
        box_destroy(&out);
    }
    assert_int_equal(box_fetch(&counter, c->name, c->counted), 0);
    const int64_t *counted = (const int64_t *)(const void *)(counter.after + counter.lead_bytes);
    assert_int_equal(*counted, c->counted ? STEPS : 0);
    box_destroy(&running_mean);
    box_destroy(&running_var);
    box_destroy(&counter);
}

// Beyond what 32 bits count, as a long training reaches with no one looking.
static void counter_has_64_bits(void **state) {
    (void)state;
    const int64_t before = 0xffffffff;
    const float x[4] = {1, 2, 3, 5}, mean[2] = {0}, var[2] = {1, 1};
    vkn_tensor one = {.dtype = VKN_I64, .rank = 1, .shape = {1}};
    vkn_tensor like = {.rank = 2, .shape = {2, 2}};
    struct box counter = box_make(fixture.context, "num_batches_tracked", 1, &one, &before);
    struct box in = box_make(fixture.context, "x", 1, &like, x);
    struct box running_mean = box_make_vector(fixture.context, "running_mean", 3, 2, mean);
    struct box running_var = box_make_vector(fixture.context, "running_var", 5, 2, var);
    vkn_norm norm = vkn_norm_defaults(VKN_BATCH);
    vkn_forward_args args = {.x = in.tensor,
                             .y = in.tensor,
                             .running_mean = running_mean.tensor,
                             .running_var = running_var.tensor,
                             .num_batches_tracked = counter.tensor,
                             .momentum = 0.1f,
                             .training = true};
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    MUST(vkn_norm_forward(fixture.recorder, &norm, &args));
    MUST(vkn_recorder_submit_and_wait(fixture.recorder));
    assert_int_equal(box_fetch(&counter, "counter", true), 0);
    assert_true(*(const int64_t *)(const void *)(counter.after + counter.lead_bytes) == before + 1);
    struct box *boxes[] = {&counter, &in, &running_mean, &running_var};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        box_destroy(boxes[i]);
}

int main(void) {
    struct CMUnitTest tests[sizeof cases / sizeof *cases + 1] = {cmocka_unit_test(counter_has_64_bits)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tests[i + 1] = (struct CMUnitTest){cases[i].name, statistics_follow_the_reference, NULL, NULL, &cases[i]};
    }
    return cmocka_run_group_tests_name("running", tests, fixture_open, fixture_close);
}
