// SPDX-License-Identifier: MIT
// Recorders: many calls in one command buffer, submitted more than once, the same bits each time, from two threads.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "norm_case.h"

enum { CALLS = 53, THREAD_ROUNDS = 3 };

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

static const struct norm_case repeated[] = {
    {{VKN_BATCH, 1, 1, 1e-5f}, VKN_CHANNELS_FIRST, 4, {4, 6, 33, 35}, DATA_NORMAL, SIZE_SMALL},
    {{VKN_BATCH, 1, 1, 1e-5f}, VKN_CHANNELS_LAST, 4, {4, 6, 33, 35}, DATA_FAR, SIZE_SMALL},
    {{VKN_GROUP, 2, 1, 1e-5f}, VKN_CHANNELS_FIRST, 3, {3, 8, 999}, DATA_NORMAL, SIZE_SMALL},
    {{VKN_LAYER, 1, 1, 1e-5f}, VKN_CHANNELS_FIRST, 2, {300, 130}, DATA_OUTLIER, SIZE_SMALL},
    {{VKN_RMS, 1, 1, 1e-5f}, VKN_CHANNELS_FIRST, 2, {5, 40000}, DATA_NORMAL, SIZE_SMALL},
};
enum { REPEATED = sizeof repeated / sizeof *repeated };

struct step {
    struct sample s;
    struct box x, dy, y, mean, rstd, dx, dweight, dbias;
};

static struct step step_make(const struct norm_case *c) {
    struct step t = {.s = sample_make(c)};
    float *gradient = zeros(t.s.r.count, sizeof *gradient);
    data_fill_gradient(1, t.s.r.count, gradient);
    t.x = box_make(rig.context, "x", 4, &t.s.like, t.s.x);
    t.dy = box_make(rig.context, "dy", 4, &t.s.like, gradient);
    t.y = box_make(rig.context, "y", 4, &t.s.like, NULL);
    t.dx = box_make(rig.context, "dx", 4, &t.s.like, NULL);
    if (c->norm.kind != VKN_RMS) {
        t.mean = box_make_vector(rig.context, "mean", 1, t.s.r.groups, NULL);
        t.dbias = box_make_vector(rig.context, "dbias", 1, t.s.r.features, NULL);
    }
    t.rstd = box_make_vector(rig.context, "rstd", 1, t.s.r.groups, NULL);
    t.dweight = box_make_vector(rig.context, "dweight", 1, t.s.r.features, NULL);
    free(gradient);
    return t;
}

static void step_destroy(struct step *t) {
    struct box *boxes[] = {&t->x, &t->dy, &t->y, &t->mean, &t->rstd, &t->dx, &t->dweight, &t->dbias};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        box_destroy(boxes[i]);
    sample_destroy(&t->s);
}

static void record_step(const struct norm_case *c, const struct step *t) {
    vkn_forward_args forward = {
        .x = t->x.tensor, .y = t->y.tensor, .mean = t->mean.tensor, .rstd = t->rstd.tensor, .training = true};
    vkn_backward_args backward = {
        .x = t->x.tensor,
        .dy = t->dy.tensor,
        .mean = t->mean.tensor,
        .rstd = t->rstd.tensor,
        .dx = t->dx.tensor,
        .dweight = t->dweight.tensor,
        .dbias = t->dbias.tensor,
        .training = true,
    };
    MUST(vkn_norm_forward(rig.recorder, &c->norm, &forward));
    MUST(vkn_recorder_barrier(rig.recorder));
    MUST(vkn_norm_backward(rig.recorder, &c->norm, &backward));
}

// What forward saved is what backward reads, in one command buffer; submitted again, each bit is the same.
static void same_bits_again(void **state) {
    (void)state;
    for (size_t i = 0; i < REPEATED; i++) {
        const struct norm_case *c = &repeated[i];
        struct step t = step_make(c);
        struct box *outputs[] = {&t.y, &t.mean, &t.rstd, &t.dx, &t.dweight, &t.dbias};
        unsigned char *first[sizeof outputs / sizeof *outputs] = {0};
        MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
        record_step(c, &t);
        for (int round = 0; round < 3; round++) {
            if (round == 2) {
                MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
                record_step(c, &t);
            }
            MUST(vkn_recorder_submit_and_wait(rig.recorder));
            for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++) {
                if (!outputs[o]->buffer) continue;
                assert_int_equal(box_fetch(outputs[o], "repeated", true), 0);
                if (round == 0) {
                    first[o] = malloc(outputs[o]->all_bytes);
                    assert_non_null(first[o]);
                    memcpy(first[o], outputs[o]->after, outputs[o]->all_bytes);
                }
                assert_memory_equal(first[o], outputs[o]->after, outputs[o]->all_bytes);
            }
        }
        double *y = zeros(t.s.r.count, sizeof *y);
        reference_forward(&t.s.r, t.s.x64, t.s.mean, t.s.rstd, NULL, NULL, y);
        double tolerance = ulps64(magnitude(y, t.s.r.count));
        double rounding = sample_mean_rounding(&t.s) * magnitude(t.s.rstd, t.s.r.groups);
        assert_int_equal(
            compare("repeated", "y", box_floats(&t.y), y, t.s.r.count, tolerance > rounding ? tolerance : rounding), 0);
        free(y);
        for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++)
            free(first[o]);
        step_destroy(&t);
    }
}

// As many layers as a network of moderate depth, none waiting for another, then once more.
static void many_calls_in_one_command_buffer(void **state) {
    (void)state;
    static const vkn_kind kinds[] = {VKN_BATCH, VKN_INSTANCE, VKN_GROUP, VKN_LAYER, VKN_RMS};
    struct norm_case c[CALLS];
    struct sample s[CALLS];
    struct box x[CALLS], y[CALLS];
    for (uint32_t i = 0; i < CALLS; i++) {
        c[i] = (struct norm_case){vkn_norm_defaults(kinds[i % 5]),
                                  i % 2 ? VKN_CHANNELS_LAST : VKN_CHANNELS_FIRST,
                                  3,
                                  {2 + i % 3, 1 + i, 5 + 3 * i},
                                  DATA_NORMAL,
                                  SIZE_SMALL};
        s[i] = sample_make(&c[i]);
        x[i] = box_make(rig.context, "x", i, &s[i].like, s[i].x);
        y[i] = box_make(rig.context, "y", 2 * i, &s[i].like, NULL);
    }
    for (int round = 0; round < 2; round++) {
        MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
        for (int i = 0; i < CALLS; i++) {
            vkn_forward_args args = {.x = x[i].tensor, .y = y[i].tensor, .training = true};
            MUST(vkn_norm_forward(rig.recorder, &c[i].norm, &args));
        }
        MUST(vkn_recorder_submit_and_wait(rig.recorder));
    }
    int faults = 0;
    for (int i = 0; i < CALLS; i++) {
        double *want = zeros(s[i].r.count, sizeof *want);
        reference_forward(&s[i].r, s[i].x64, s[i].mean, s[i].rstd, NULL, NULL, want);
        faults += box_fetch(&x[i], "many", false) + box_fetch(&y[i], "many", true);
        faults += compare("many", "y", box_floats(&y[i]), want, s[i].r.count, ulps64(magnitude(want, s[i].r.count)));
        free(want);
        box_destroy(&x[i]);
        box_destroy(&y[i]);
        sample_destroy(&s[i]);
    }
    assert_int_equal(faults, 0);
}

struct worker {
    struct rig rig;
    size_t first;
    int faults;
};

static void *work(void *argument) {
    static const struct norm_pass forward = {"thread forward", PASS_TRAINING | PASS_WEIGHT | PASS_RSTD};
    static const struct norm_pass backward = {"thread backward",
                                              PASS_BACKWARD | PASS_TRAINING | PASS_WEIGHT | PASS_DX | PASS_DWEIGHT};
    struct worker *w = argument;
    for (size_t i = 0; i < (size_t)THREAD_ROUNDS * REPEATED; i++) {
        const struct norm_case *c = &repeated[(w->first + i) % REPEATED];
        w->faults += forward_run(&w->rig, c, &forward, (uint32_t)(i % OFFSET_PATTERNS));
        w->faults += backward_run(&w->rig, c, &backward, (uint32_t)(i % OFFSET_PATTERNS));
    }
    return NULL;
}

// Both build the context's pipelines at first, and upload, submit and download at once.
static void two_threads_on_one_context(void **state) {
    (void)state;
    struct rig fresh;
    assert_int_equal(rig_open(&fresh, NULL), 0);
    struct worker workers[2] = {{.rig = {.context = fresh.context}}, {.rig = {.context = fresh.context}, .first = 1}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        MUST(vkn_recorder_create(fresh.context, &workers[i].rig.recorder));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++)
        vkn_recorder_destroy(workers[i].rig.recorder);
    rig_close(&fresh);
    assert_int_equal(workers[0].faults + workers[1].faults, 0);
}

// After vkn_norm_prepare no call builds a pipeline: forward and backward in every mode.
static void count_pipeline(void *user, const char *name, VkPipeline pipeline) {
    assert_true(name && *name && pipeline != VK_NULL_HANDLE);
    ++*(int *)user;
}

static void prepare_builds_all(void **state) {
    (void)state;
    for (size_t i = 0; i < REPEATED; i++) {
        struct rig fresh;
        assert_int_equal(rig_open(&fresh, NULL), 0);
        struct norm_case c = repeated[i];
        vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, c.layout, c.rank, c.shape);
        MUST(vkn_norm_prepare(fresh.context, &c.norm, &like));
        int prepared = 0, used = 0, faults = 0;
        vkn_context_pipelines(fresh.context, count_pipeline, &prepared);
        assert_true(prepared > 0);
        for (size_t offsets = 0; offsets < OFFSET_PATTERNS; offsets++)
            faults += norm_case_run(&fresh, &c, offsets);
        assert_int_equal(faults, 0);
        vkn_context_pipelines(fresh.context, count_pipeline, &used);
        assert_int_equal(used, prepared);
        rig_close(&fresh);
    }
}

// One scratch and descriptor memory after another: a recorder that is reset can go on without end.
static void reset_recycles(void **state) {
    (void)state;
    struct step t = step_make(&repeated[0]);
    for (int round = 0; round < 50; round++) {
        MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
        record_step(&repeated[0], &t);
        MUST(vkn_recorder_submit_and_wait(rig.recorder));
        vkn_recorder_reset(rig.recorder);
    }
    step_destroy(&t);
}

static void order_of_calls_is_checked(void **state) {
    (void)state;
    struct step t = step_make(&repeated[3]);
    vkn_recorder *fresh = NULL;
    MUST(vkn_recorder_create(rig.context, &fresh));
    vkn_forward_args args = {.x = t.x.tensor, .y = t.y.tensor};
    assert_true(vkn_recorder_command_buffer(fresh) == VK_NULL_HANDLE);
    assert_ptr_equal(vkn_recorder_context(fresh), rig.context);
    MUST_FAIL(vkn_norm_forward(fresh, &repeated[3].norm, &args), VKN_BAD_ARGUMENT, "begin");
    MUST_FAIL(vkn_recorder_barrier(fresh), VKN_BAD_ARGUMENT, "begin");
    MUST_FAIL(vkn_recorder_submit_and_wait(fresh), VKN_BAD_ARGUMENT, "none was begun");
    MUST(vkn_recorder_begin(fresh, VK_NULL_HANDLE));
    assert_true(vkn_recorder_command_buffer(fresh) != VK_NULL_HANDLE);
    MUST(vkn_recorder_submit_and_wait(fresh));
    MUST_FAIL(vkn_norm_forward(fresh, &repeated[3].norm, &args), VKN_BAD_ARGUMENT, "submitted");
    vkn_recorder_destroy(fresh);
    vkn_recorder_destroy(NULL);
    step_destroy(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_again),    cmocka_unit_test(many_calls_in_one_command_buffer),
        cmocka_unit_test(prepare_builds_all), cmocka_unit_test(two_threads_on_one_context),
        cmocka_unit_test(reset_recycles),     cmocka_unit_test(order_of_calls_is_checked),
    };
    return cmocka_run_group_tests_name("recorder", tests, setup, teardown);
}
