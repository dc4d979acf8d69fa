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

static const struct norm_case repeated[] = {
    {{VKN_BATCH, 1, 1, 1e-5f, VKN_NO_ACTIVATION, 0}, VKN_CHANNELS_FIRST, 4, {4, 6, 33, 35}, DATA_NORMAL, SIZE_SMALL},
    {{VKN_BATCH, 1, 1, 1e-5f, VKN_NO_ACTIVATION, 0}, VKN_CHANNELS_LAST, 4, {4, 6, 33, 35}, DATA_FAR, SIZE_SMALL},
    {{VKN_GROUP, 2, 1, 1e-5f, VKN_NO_ACTIVATION, 0}, VKN_CHANNELS_FIRST, 3, {3, 8, 999}, DATA_NORMAL, SIZE_SMALL},
    {{VKN_LAYER, 1, 1, 1e-5f, VKN_NO_ACTIVATION, 0}, VKN_CHANNELS_FIRST, 2, {300, 130}, DATA_OUTLIER, SIZE_SMALL},
    {{VKN_RMS, 1, 1, 1e-5f, VKN_NO_ACTIVATION, 0}, VKN_CHANNELS_FIRST, 2, {5, 40000}, DATA_NORMAL, SIZE_SMALL},
};
enum { REPEATED = sizeof repeated / sizeof *repeated };

struct step {
    struct sample s;
    struct box x, dy, y, statistics, dx, dweight, dbias;
};

static struct step step_make(const struct norm_case *c, vkn_dtype dtype) {
    const struct norm_pass pass = {.dtype = dtype};
    struct step t = {.s = sample_make_for(c, &pass)};
    float *gradient = zeros(t.s.r.count, sizeof *gradient);
    data_fill_gradient(1, t.s.r.count, gradient);
    data_round(dtype, t.s.r.count, gradient);
    t.x = box_make_values(fixture.context, "x", 4, &t.s.like, t.s.x);
    t.dy = box_make_values(fixture.context, "dy", 4, &t.s.like, gradient);
    t.y = box_make(fixture.context, "y", 4, &t.s.like, NULL);
    t.dx = box_make(fixture.context, "dx", 4, &t.s.like, NULL);
    if (c->norm.kind != VKN_RMS) t.dbias = box_make_vector(fixture.context, "dbias", 1, t.s.r.features, NULL);
    t.statistics = box_make_vector(fixture.context, "statistics", 1, 4 * t.s.r.groups, NULL);
    t.dweight = box_make_vector(fixture.context, "dweight", 1, t.s.r.features, NULL);
    free(gradient);
    return t;
}

static void step_destroy(struct step *t) {
    struct box *boxes[] = {&t->x, &t->dy, &t->y, &t->statistics, &t->dx, &t->dweight, &t->dbias};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        box_destroy(boxes[i]);
    sample_destroy(&t->s);
}

static void record_step(const struct norm_case *c, const struct step *t) {
    vkn_forward_args forward = {
        .x = t->x.tensor, .y = t->y.tensor, .statistics = t->statistics.tensor, .training = true};
    vkn_backward_args backward = {
        .x = t->x.tensor,
        .dy = t->dy.tensor,
        .statistics = t->statistics.tensor,
        .dx = t->dx.tensor,
        .dweight = t->dweight.tensor,
        .dbias = t->dbias.tensor,
        .training = true,
    };
    MUST(vkn_norm_forward(fixture.recorder, &c->norm, &forward));
    MUST(vkn_recorder_barrier(fixture.recorder));
    MUST(vkn_norm_backward(fixture.recorder, &c->norm, &backward));
}

// What forward saved is what backward reads, in one command buffer; submitted again, each bit is the same.
static void same_bits_again(void **state) {
    (void)state;
    for (int i = 0; i < 2 * REPEATED; i++) {
        const struct norm_case *c = &repeated[i / 2];
        struct step t = step_make(c, i % 2 ? VKN_BF16 : VKN_F32);
        struct box *outputs[] = {&t.y, &t.statistics, &t.dx, &t.dweight, &t.dbias};
        unsigned char *first[sizeof outputs / sizeof *outputs] = {0};
        MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
        record_step(c, &t);
        for (int round = 0; round < 3; round++) {
            if (round == 2) {
                MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
                record_step(c, &t);
            }
            MUST(vkn_recorder_submit_and_wait(fixture.recorder));
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
        assert_int_equal(compare_box("repeated", &t.y, y, ulps64(magnitude(y, t.s.r.count)), NULL), 0);
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
        x[i] = box_make(fixture.context, "x", i, &s[i].like, s[i].x);
        y[i] = box_make(fixture.context, "y", 2 * i, &s[i].like, NULL);
    }
    for (int round = 0; round < 2; round++) {
        MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
        for (int i = 0; i < CALLS; i++) {
            vkn_forward_args args = {.x = x[i].tensor, .y = y[i].tensor, .training = true};
            MUST(vkn_norm_forward(fixture.recorder, &c[i].norm, &args));
        }
        MUST(vkn_recorder_submit_and_wait(fixture.recorder));
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
    enum { BACKWARD = PASS_BACKWARD | PASS_TRAINING | PASS_WEIGHT | PASS_DX | PASS_DWEIGHT };
    static const struct norm_pass passes[] = {
        {"thread forward", PASS_TRAINING | PASS_WEIGHT | PASS_STATISTICS, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
        {"thread forward f16", PASS_TRAINING | PASS_WEIGHT | PASS_ADD_BEFORE, VKN_F16, VKN_SILU, 0, 0},
        {"thread backward", BACKWARD, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
        {"thread backward bf16", BACKWARD, VKN_BF16, VKN_NO_ACTIVATION, 0, 0},
    };
    struct worker *w = argument;
    for (uint32_t i = 0; i < THREAD_ROUNDS * REPEATED; i++) {
        const struct norm_case *c = &repeated[(w->first + i) % REPEATED];
        for (uint32_t p = 0; p < sizeof passes / sizeof *passes; p++) {
            bool backward = passes[p].flags & PASS_BACKWARD;
            w->faults += (backward ? backward_run : forward_run)(&w->rig, c, &passes[p], (i + p) % OFFSET_PATTERNS);
        }
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

// One scratch and descriptor memory after another: a recorder that is reset can go on without end.
static void reset_recycles(void **state) {
    (void)state;
    struct step t = step_make(&repeated[0], VKN_F16);
    for (int round = 0; round < 50; round++) {
        MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
        record_step(&repeated[0], &t);
        MUST(vkn_recorder_submit_and_wait(fixture.recorder));
        vkn_recorder_reset(fixture.recorder);
    }
    step_destroy(&t);
}

static void order_of_calls_is_checked(void **state) {
    (void)state;
    struct step t = step_make(&repeated[3], VKN_F32);
    vkn_recorder *fresh = NULL;
    MUST(vkn_recorder_create(fixture.context, &fresh));
    vkn_forward_args args = {.x = t.x.tensor, .y = t.y.tensor};
    assert_true(vkn_recorder_command_buffer(fresh) == VK_NULL_HANDLE);
    assert_ptr_equal(vkn_recorder_context(fresh), fixture.context);
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
        cmocka_unit_test(same_bits_again),
        cmocka_unit_test(many_calls_in_one_command_buffer),
        cmocka_unit_test(two_threads_on_one_context),
        cmocka_unit_test(reset_recycles),
        cmocka_unit_test(order_of_calls_is_checked),
    };
    return cmocka_run_group_tests_name("recorder", tests, fixture_open, fixture_close);
}
