// SPDX-License-Identifier: MIT
// Every mistake in the arguments of a norm: its message, and that a failed call has recorded nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "mistakes.h"
#include "rig.h"

enum role { X, Y, DY, DX, WEIGHT, BIAS, MEAN, RSTD, RUNNING_MEAN, RUNNING_VAR, COUNTER, DWEIGHT, DBIAS, ROLES };

static struct rig rig;

static void make_boxes(vkn_kind kind, struct box *box, struct call *c) {
    static const char *const names[ROLES] = {"x",
                                             "y",
                                             "dy",
                                             "dx",
                                             "weight",
                                             "bias",
                                             "mean",
                                             "rstd",
                                             "running_mean",
                                             "running_var",
                                             "num_batches_tracked",
                                             "dweight",
                                             "dbias"};
    const uint32_t shape[] = {SAMPLES, CHANNELS, SPACE};
    *c = (struct call){.norm = vkn_norm_defaults(kind)};
    c->norm.groups = GROUPS;
    vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, VKN_CHANNELS_FIRST, 3, shape);
    uint64_t features = vkn_norm_features(&c->norm, &like), groups = vkn_norm_groups(&c->norm, &like);
    const uint64_t counts[ROLES] = {
        [WEIGHT] = features,       [BIAS] = features,        [MEAN] = groups,      [RSTD] = groups,
        [RUNNING_MEAN] = CHANNELS, [RUNNING_VAR] = CHANNELS, [DWEIGHT] = features, [DBIAS] = features};
    const float values[SAMPLES * CHANNELS * SPACE] = {1, 2, 3, 4};
    vkn_tensor one = {.dtype = VKN_I64, .rank = 1, .shape = {1}};
    for (uint32_t i = 0; i < ROLES; i++) {
        if (i <= DX)
            box[i] = box_make(rig.context, names[i], 2 * i, &like, values);
        else if (i == COUNTER)
            box[i] = box_make(rig.context, names[i], 1, &one, values);
        else
            box[i] = box_make_vector(rig.context, names[i], i, counts[i], values);
    }
    spare.bias = box[BIAS].tensor;
    spare.mean = box[MEAN].tensor;
    spare.running_mean = box[RUNNING_MEAN].tensor;
    spare.running_var = box[RUNNING_VAR].tensor;
    c->f = (vkn_forward_args){.x = box[X].tensor,
                              .y = box[Y].tensor,
                              .weight = box[WEIGHT].tensor,
                              .rstd = box[RSTD].tensor,
                              .momentum = 0.1f,
                              .training = true};
    c->b = (vkn_backward_args){.x = box[X].tensor,
                               .dy = box[DY].tensor,
                               .weight = box[WEIGHT].tensor,
                               .rstd = box[RSTD].tensor,
                               .dx = box[DX].tensor,
                               .dweight = box[DWEIGHT].tensor,
                               .training = true};
    if (kind != VKN_RMS) {
        c->f.bias = box[BIAS].tensor;
        c->f.mean = c->b.mean = box[MEAN].tensor;
        c->b.dbias = box[DBIAS].tensor;
    }
    if (kind == VKN_BATCH || kind == VKN_INSTANCE) {
        c->f.running_mean = box[RUNNING_MEAN].tensor;
        c->f.running_var = box[RUNNING_VAR].tensor;
        c->f.num_batches_tracked = box[COUNTER].tensor;
    }
}

static vkn_result record(const struct call *c, bool backward) {
    return backward ? vkn_norm_backward(rig.recorder, &c->norm, &c->b)
                    : vkn_norm_forward(rig.recorder, &c->norm, &c->f);
}

static void mistake_is_named_and_harmless(void **state) {
    const struct mistake *m = *state;
    struct box box[ROLES];
    struct call good, bad;
    make_boxes(m->kind, box, &good);
    bad = good;
    m->spoil(&bad);
    MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
    MUST_FAIL(record(&bad, m->backward), m->result, m->words);
    MUST(vkn_recorder_submit_and_wait(rig.recorder));
    int faults = 0;
    for (int i = 0; i < ROLES; i++)
        faults += box_fetch(&box[i], m->name, false);
    assert_int_equal(faults, 0);

    MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
    MUST(record(&good, m->backward));
    MUST(vkn_recorder_submit_and_wait(rig.recorder));
    for (int i = 0; i < ROLES; i++)
        box_destroy(&box[i]);
}

static void null_arguments(void **state) {
    (void)state;
    struct box box[ROLES];
    struct call c;
    make_boxes(VKN_BATCH, box, &c);
    vkn_recorder *recorder = NULL;
    vkn_layer *layer = NULL;
    vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, CHANNELS);
    MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
    MUST_FAIL(vkn_norm_forward(NULL, &c.norm, &c.f), VKN_BAD_ARGUMENT, "recorder: NULL");
    MUST_FAIL(vkn_norm_forward(rig.recorder, NULL, &c.f), VKN_BAD_ARGUMENT, "norm: NULL");
    MUST_FAIL(vkn_norm_forward(rig.recorder, &c.norm, NULL), VKN_BAD_ARGUMENT, "args: NULL");
    MUST_FAIL(vkn_norm_backward(NULL, &c.norm, &c.b), VKN_BAD_ARGUMENT, "recorder: NULL");
    MUST_FAIL(vkn_norm_backward(rig.recorder, NULL, &c.b), VKN_BAD_ARGUMENT, "norm: NULL");
    MUST_FAIL(vkn_norm_backward(rig.recorder, &c.norm, NULL), VKN_BAD_ARGUMENT, "args: NULL");
    MUST_FAIL(vkn_norm_prepare(NULL, &c.norm, &c.f.x), VKN_BAD_ARGUMENT, "context: NULL");
    MUST_FAIL(vkn_norm_prepare(rig.context, NULL, &c.f.x), VKN_BAD_ARGUMENT, "norm: NULL");
    MUST_FAIL(vkn_norm_prepare(rig.context, &c.norm, NULL), VKN_BAD_ARGUMENT, "x: NULL");
    MUST_FAIL(vkn_recorder_create(NULL, &recorder), VKN_BAD_ARGUMENT, "context: NULL");
    MUST_FAIL(vkn_recorder_create(rig.context, NULL), VKN_BAD_ARGUMENT, "out: NULL");
    MUST_FAIL(vkn_layer_create(NULL, &info, &layer), VKN_BAD_ARGUMENT, "context: NULL");
    MUST_FAIL(vkn_layer_create(rig.context, NULL, &layer), VKN_BAD_ARGUMENT, "info: NULL");
    MUST_FAIL(vkn_layer_create(rig.context, &info, NULL), VKN_BAD_ARGUMENT, "out: NULL");
    for (int i = 0; i < ROLES; i++)
        box_destroy(&box[i]);
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

static int setup(void **state) {
    (void)state;
    return rig_open(&rig, NULL);
}

static int teardown(void **state) {
    (void)state;
    rig_close(&rig);
    return 0;
}

int main(void) {
    struct CMUnitTest *tests = calloc(mistake_count + 2, sizeof *tests);
    if (!tests) return 2;
    for (size_t i = 0; i < mistake_count; i++) {
        tests[i] = (struct CMUnitTest){mistakes[i].name, mistake_is_named_and_harmless, NULL, NULL, &mistakes[i]};
    }
    tests[mistake_count] = (struct CMUnitTest)cmocka_unit_test(null_arguments);
    tests[mistake_count + 1] = (struct CMUnitTest)cmocka_unit_test(sizes_of_what_does_not_fit);
    int failed = _cmocka_run_group_tests("errors", tests, mistake_count + 2, setup, teardown);
    free(tests);
    return failed;
}
