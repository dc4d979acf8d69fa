// SPDX-License-Identifier: MIT
// Every mistake in the arguments of a norm: its message, and that a failed call has recorded nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mistakes.h"
#include "rig.h"

// The call that is right is recorded after the one that is not, on the same tensors.
static void mistake_is_named_and_harmless(void **state) {
    const struct mistake *m = *state;
    struct call_boxes boxes = call_boxes_make(fixture.context, m->kind);
    struct call right = call_make(&boxes, m->kind, m->function);
    call_change(&right, &boxes, m->right);
    struct call wrong = right;
    call_change(&wrong, &boxes, m->spoilt);
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    assert_int_equal(call_record(&wrong, fixture.recorder), VKN_BAD_ARGUMENT);
    assert_string_equal(vkn_error_message(), m->message);
    MUST(vkn_recorder_submit_and_wait(fixture.recorder));
    int faults = 0;
    for (int i = 0; i < ROLES; i++)
        faults += box_fetch(&boxes.box[i], m->message, false);
    assert_int_equal(faults, 0);

    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    MUST(call_record(&right, fixture.recorder));
    MUST(vkn_recorder_submit_and_wait(fixture.recorder));
    call_boxes_destroy(&boxes);
}

static void oddity_is_taken(void **state) {
    const struct mistake *m = *state;
    struct call_boxes boxes = call_boxes_make(fixture.context, m->kind);
    struct call call = call_make(&boxes, m->kind, m->function);
    call_change(&call, &boxes, m->right);
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    MUST(call_record(&call, fixture.recorder));
    MUST(vkn_recorder_submit_and_wait(fixture.recorder));
    call_boxes_destroy(&boxes);
}

static void null_arguments(void **state) {
    (void)state;
    vkn_recorder *recorder = fixture.recorder, *made = NULL;
    vkn_context *context = fixture.context;
    vkn_norm norm = vkn_norm_defaults(VKN_BATCH);
    vkn_buffer *buffer = NULL;
    MUST(vkn_buffer_create(context, 4096, &buffer));
    vkn_tensor t = {.buffer = vkn_buffer_handle(buffer), .rank = 2, .shape = {SAMPLES, CHANNELS}};
    vkn_forward_args forward = {.x = t};
    vkn_backward_args backward = {.x = t};
    vkn_layer *layer = NULL;
    vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, CHANNELS);
    MUST(vkn_recorder_begin(recorder, VK_NULL_HANDLE));
    MUST_FAIL(vkn_norm_forward(NULL, &norm, &forward), VKN_BAD_ARGUMENT, "recorder: NULL");
    MUST_FAIL(vkn_norm_forward(recorder, NULL, &forward), VKN_BAD_ARGUMENT, "norm: NULL");
    MUST_FAIL(vkn_norm_forward(recorder, &norm, NULL), VKN_BAD_ARGUMENT, "args: NULL");
    MUST_FAIL(vkn_norm_backward(NULL, &norm, &backward), VKN_BAD_ARGUMENT, "recorder: NULL");
    MUST_FAIL(vkn_norm_backward(recorder, NULL, &backward), VKN_BAD_ARGUMENT, "norm: NULL");
    MUST_FAIL(vkn_norm_backward(recorder, &norm, NULL), VKN_BAD_ARGUMENT, "args: NULL");
    MUST_FAIL(vkn_norm_moments(NULL, &norm, &t, &t), VKN_BAD_ARGUMENT, "recorder: NULL");
    MUST_FAIL(vkn_norm_moments(recorder, NULL, &t, &t), VKN_BAD_ARGUMENT, "norm: NULL");
    MUST_FAIL(vkn_norm_moments(recorder, &norm, NULL, &t), VKN_BAD_ARGUMENT, "x: NULL");
    MUST_FAIL(vkn_norm_moments(recorder, &norm, &t, NULL), VKN_BAD_ARGUMENT, "moments: NULL");
    MUST_FAIL(vkn_norm_sums(NULL, &norm, &backward, &t), VKN_BAD_ARGUMENT, "recorder: NULL");
    MUST_FAIL(vkn_norm_sums(recorder, NULL, &backward, &t), VKN_BAD_ARGUMENT, "norm: NULL");
    MUST_FAIL(vkn_norm_sums(recorder, &norm, NULL, &t), VKN_BAD_ARGUMENT, "args: NULL");
    MUST_FAIL(vkn_norm_sums(recorder, &norm, &backward, NULL), VKN_BAD_ARGUMENT, "sums: NULL");
    MUST_FAIL(vkn_norm_merge_moments(NULL, &t, 1, &t), VKN_BAD_ARGUMENT, "recorder: NULL");
    MUST_FAIL(vkn_norm_merge_moments(recorder, NULL, 1, &t), VKN_BAD_ARGUMENT, "all: NULL");
    MUST_FAIL(vkn_norm_merge_moments(recorder, &t, 1, NULL), VKN_BAD_ARGUMENT, "merged: NULL");
    MUST_FAIL(vkn_norm_merge_sums(NULL, &t, 1, &t), VKN_BAD_ARGUMENT, "recorder: NULL");
    MUST_FAIL(vkn_norm_merge_sums(recorder, NULL, 1, &t), VKN_BAD_ARGUMENT, "all: NULL");
    MUST_FAIL(vkn_norm_merge_sums(recorder, &t, 1, NULL), VKN_BAD_ARGUMENT, "merged: NULL");
    MUST_FAIL(vkn_norm_prepare(NULL, &norm, &t, VKN_F32, VKN_NO_RESIDUAL), VKN_BAD_ARGUMENT, "context: NULL");
    MUST_FAIL(vkn_norm_prepare(context, NULL, &t, VKN_F32, VKN_NO_RESIDUAL), VKN_BAD_ARGUMENT, "norm: NULL");
    MUST_FAIL(vkn_norm_prepare(context, &norm, NULL, VKN_F32, VKN_NO_RESIDUAL), VKN_BAD_ARGUMENT, "x: NULL");
    MUST_FAIL(vkn_recorder_create(NULL, &made), VKN_BAD_ARGUMENT, "context: NULL");
    MUST_FAIL(vkn_recorder_create(context, NULL), VKN_BAD_ARGUMENT, "out: NULL");
    MUST_FAIL(vkn_layer_create(NULL, &info, &layer), VKN_BAD_ARGUMENT, "context: NULL");
    MUST_FAIL(vkn_layer_create(context, NULL, &layer), VKN_BAD_ARGUMENT, "info: NULL");
    MUST_FAIL(vkn_layer_create(context, &info, NULL), VKN_BAD_ARGUMENT, "out: NULL");
    vkn_buffer_destroy(buffer);
}

static void count_pipeline(void *user, const char *name, VkPipeline pipeline) {
    (void)name;
    (void)pipeline;
    ++*(int *)user;
}

static void prepare_checks_its_arguments(void **state) {
    (void)state;
    struct rig fresh;
    assert_int_equal(rig_open(&fresh, NULL), 0);
    vkn_norm norm = vkn_norm_defaults(VKN_BATCH);
    vkn_tensor x = {.dtype = VKN_F16, .rank = 2, .shape = {SAMPLES, CHANNELS}}, wide = x, flat = x;
    wide.dtype = VKN_I64;
    flat.rank = 1;
    const struct {
        const vkn_tensor *x;
        vkn_dtype weight;
        vkn_residual residual;
        const char *words;
    } cases[] = {
        {&wide, VKN_F32, VKN_NO_RESIDUAL, "x: dtype i64, must be f32, f16 or bf16"},
        {&flat, VKN_F32, VKN_NO_RESIDUAL, "expected 2D to 6D input (got 1D input)"},
        {&x, VKN_BF16, VKN_NO_RESIDUAL, "weight: dtype bf16, must be f32 or that of x: f16"},
        {&x, 17, VKN_NO_RESIDUAL, "weight: dtype 17 is no dtype"},
        {&x, VKN_F16, 3, "residual: 3 is none of none, after, before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(vkn_norm_prepare(fresh.context, &norm, cases[i].x, cases[i].weight, cases[i].residual),
                         VKN_BAD_ARGUMENT);
        assert_string_equal(vkn_error_message(), cases[i].words);
    }
    int built = 0;
    vkn_context_pipelines(fresh.context, count_pipeline, &built);
    assert_int_equal(built, 0);
    rig_close(&fresh);
}

// What vkn_norm_groups and vkn_norm_features say of shapes that do not fit: 0, and why.
static void sizes_of_what_does_not_fit(void **state) {
    (void)state;
    vkn_norm norm = vkn_norm_defaults(VKN_GROUP);
    vkn_tensor x = {.rank = 3, .shape = {2, 6, 5}};
    norm.groups = 3;
    assert_true(vkn_norm_groups(&norm, &x) == 6 && vkn_norm_features(&norm, &x) == 6);
    norm.groups = 4;
    assert_true(vkn_norm_groups(&norm, &x) == 0 && vkn_norm_features(&norm, &x) == 0);
    assert_non_null(strstr(vkn_error_message(), "num_groups=4"));
    norm = vkn_norm_defaults(VKN_LAYER);
    norm.normalized_rank = 2;
    assert_true(vkn_norm_groups(&norm, &x) == 2 && vkn_norm_features(&norm, &x) == 30);
    x.layout = VKN_CHANNELS_LAST;
    norm.normalized_rank = 1;
    assert_true(vkn_norm_groups(&norm, &x) == 10 && vkn_norm_features(&norm, &x) == 6);
}

static void add_tests(struct CMUnitTest *tests, struct mistake *of, size_t count, CMUnitTestFunction run) {
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){of[i].message, run, NULL, NULL, &of[i]};
}

int main(void) {
    const struct CMUnitTest others[] = {
        cmocka_unit_test(null_arguments),
        cmocka_unit_test(prepare_checks_its_arguments),
        cmocka_unit_test(sizes_of_what_does_not_fit),
    };
    const size_t other_count = sizeof others / sizeof *others;
    struct CMUnitTest *tests = calloc(mistake_count + oddity_count + other_count, sizeof *tests);
    if (!tests) return 2;
    add_tests(tests, mistakes, mistake_count, mistake_is_named_and_harmless);
    add_tests(tests + mistake_count, oddities, oddity_count, oddity_is_taken);
    memcpy(tests + mistake_count + oddity_count, others, sizeof others);
    int failed = _cmocka_run_group_tests("errors", tests, mistake_count + oddity_count + other_count, fixture_open,
                                         fixture_close);
    free(tests);
    return failed;
}
