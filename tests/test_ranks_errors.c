// SPDX-License-Identifier: MIT
// Synchronized layers where something is wrong: an exchange that fails, wrong communicators, wrong calls.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "share.h"

static const struct variant plain = {.name = "[N, C]", .space = 1, .momentum = 0.1f};
static const struct variant spatial = {.name = "[N, C, L]", .space = 5, .momentum = 0.5f};

// A communicator of one rank, or what it says.
struct alone {
    uint32_t rank, ranks;
    int code, calls;
};

static void alone_place(void *user, uint32_t *rank, uint32_t *ranks) {
    const struct alone *self = user;
    *rank = self->rank;
    *ranks = self->ranks;
}

static int alone_gather(void *user, const void *mine, void *all, size_t bytes) {
    struct alone *self = user;
    self->calls++;
    memcpy(all, mine, bytes);
    return self->code;
}

static vkn_communicator alone_communicator(struct alone *self) {
    return (vkn_communicator){alone_place, alone_gather, self};
}

static struct share alone_share(struct alone *self, uint32_t rows) {
    struct share s = share_make(&fixture, &spatial, 0, rows);
    const vkn_communicator communicator = alone_communicator(self);
    MUST(vkn_layer_synchronize(s.layer, &communicator));
    return s;
}

// Something of the application's own that is recorded before a layer's call.
static void record_early(const struct share *s, struct box *early) {
    const vkn_norm norm = vkn_norm_defaults(VKN_INSTANCE);
    const vkn_forward_args args = {.x = s->x.tensor, .y = early->tensor};
    *early = box_make(fixture.context, "early", 1, &s->x.tensor, NULL);
    vkn_forward_args to = args;
    to.y = early->tensor;
    MUST(vkn_recorder_begin(s->recorder, VK_NULL_HANDLE));
    MUST(vkn_norm_forward(s->recorder, &norm, &to));
}

static bool was_written(struct box *b) {
    assert_int_equal(box_fetch(b, "written", true), 0);
    return b->count && !isnan(box_floats(b)[b->count - 1]);
}

// What was recorded before has run, nothing of the failed call is left, the layer is as it was and goes on.
static void a_failed_exchange_leaves_nothing(void **state) {
    (void)state;
    struct alone self = {.ranks = 1};
    struct share s = alone_share(&self, 4);
    for (int backward = 0; backward < 2; backward++) {
        struct box early;
        record_early(&s, &early);
        if (backward) MUST(vkn_layer_forward(s.recorder, s.layer, &s.x.tensor, &s.y.tensor));
        self.code = 7;
        if (backward)
            MUST_FAIL(vkn_layer_backward(s.recorder, s.layer, &s.x.tensor, &s.dy.tensor, &s.dx.tensor), VKN_IO,
                      "communicator.all_gather: error 7, on rank 0 of 1");
        else
            MUST_FAIL(vkn_layer_forward(s.recorder, s.layer, &s.x.tensor, &s.y.tensor), VKN_IO,
                      "communicator.all_gather: error 7, on rank 0 of 1");
        self.code = 0;
        assert_true(was_written(&early));
        MUST(vkn_recorder_submit_and_wait(s.recorder));
        assert_false(was_written(backward ? &s.dx : &s.y));
        assert_int_equal(share_counted(&s), backward);
        box_destroy(&early);
    }
    MUST(share_step(&s));
    assert_true(was_written(&s.y) && was_written(&s.dx));
    share_destroy(&s);
}

// Without dx nothing depends on other ranks. After the end nothing does.
static void what_needs_no_exchange_makes_none(void **state) {
    (void)state;
    struct alone self = {.ranks = 1};
    struct share s = alone_share(&self, 4);
    MUST(vkn_recorder_begin(s.recorder, VK_NULL_HANDLE));
    MUST(vkn_layer_forward(s.recorder, s.layer, &s.x.tensor, &s.y.tensor));
    MUST(vkn_recorder_barrier(s.recorder));
    assert_int_equal(self.calls, 1);
    MUST(vkn_layer_backward(s.recorder, s.layer, &s.x.tensor, &s.dy.tensor, NULL));
    assert_int_equal(self.calls, 1);
    MUST(vkn_recorder_submit_and_wait(s.recorder));
    vkn_layer_freeze(s.layer, true);
    MUST(share_step(&s));
    vkn_layer_freeze(s.layer, false);
    assert_int_equal(self.calls, 1);
    MUST(share_step(&s));
    assert_int_equal(self.calls, 3);
    MUST(vkn_layer_synchronize(s.layer, NULL));
    MUST(share_step(&s));
    assert_int_equal(self.calls, 3);
    share_destroy(&s);
}

// PyTorch's words go for all ranks together; a batch of nothing on every rank changes nothing.
static void the_batch_is_that_of_all_ranks(void **state) {
    (void)state;
    struct alone self = {.ranks = 1};
    struct share s = share_make(&fixture, &plain, 0, 1);
    const vkn_communicator communicator = alone_communicator(&self);
    MUST(vkn_layer_synchronize(s.layer, &communicator));
    MUST_FAIL(share_step(&s), VKN_BAD_ARGUMENT, "Expected more than 1 value per channel when training");
    MUST(vkn_recorder_submit_and_wait(s.recorder));
    assert_false(was_written(&s.y));
    assert_int_equal(share_counted(&s), 0);
    share_destroy(&s);
    s = alone_share(&self, 0);
    MUST(share_step(&s));
    float mean[FEATURES];
    MUST(vkn_layer_download(s.layer, VKN_RUNNING_MEAN, mean, sizeof mean));
    for (int i = 0; i < FEATURES; i++)
        assert_true(mean[i] == 0);
    assert_int_equal(share_fetch(&s, "empty"), 0);
    share_destroy(&s);
}

static void wrong_communicators_are_refused(void **state) {
    (void)state;
    struct alone self = {.ranks = 1};
    struct share s = share_make(&fixture, &spatial, 0, 2);
    vkn_communicator communicator = alone_communicator(&self);
    MUST_FAIL(vkn_layer_synchronize(NULL, &communicator), VKN_BAD_ARGUMENT, "layer: NULL");
    communicator.place = NULL;
    MUST_FAIL(vkn_layer_synchronize(s.layer, &communicator), VKN_BAD_ARGUMENT, "communicator.place: NULL");
    communicator = alone_communicator(&self);
    communicator.all_gather = NULL;
    MUST_FAIL(vkn_layer_synchronize(s.layer, &communicator), VKN_BAD_ARGUMENT, "communicator.all_gather: NULL");
    communicator = alone_communicator(&self);
    self.ranks = 0;
    MUST_FAIL(vkn_layer_synchronize(s.layer, &communicator), VKN_BAD_ARGUMENT, "rank 0 of 0 ranks");
    self.ranks = self.rank = 3;
    MUST_FAIL(vkn_layer_synchronize(s.layer, &communicator), VKN_BAD_ARGUMENT, "rank 3 of 3 ranks");
    MUST(share_step(&s)); // not synchronized
    assert_int_equal(self.calls, 0);
    share_destroy(&s);
    vkn_layer *layer = NULL;
    const vkn_layer_info info = vkn_layer_defaults(VKN_INSTANCE, FEATURES);
    MUST(vkn_layer_create(fixture.context, &info, &layer));
    self = (struct alone){.ranks = 1};
    MUST_FAIL(vkn_layer_synchronize(layer, &communicator), VKN_BAD_ARGUMENT,
              "kind 2, only batch norm (1) can be synchronized");
    MUST(vkn_layer_synchronize(layer, NULL));
    vkn_layer_destroy(layer);
}

// Refused before anything is submitted or exchanged.
static void wrong_calls_are_refused(void **state) {
    (void)state;
    struct alone self = {.ranks = 1};
    struct share s = alone_share(&self, 4);
    struct box early;
    record_early(&s, &early);
    MUST_FAIL(vkn_layer_forward_residual(s.recorder, s.layer, &s.x.tensor, &s.residual.tensor, &s.dresidual.tensor,
                                         &s.y.tensor),
              VKN_BAD_ARGUMENT, "h: a layer synchronized over 1 ranks takes no residual before the norm");
    vkn_tensor bad = s.y.tensor;
    bad.shape[0]--;
    MUST_FAIL(vkn_layer_forward(s.recorder, s.layer, &s.x.tensor, &bad), VKN_BAD_ARGUMENT,
              "y: shape [3, 6, 5], must be that of x: [4, 6, 5]");
    MUST_FAIL(vkn_layer_backward(s.recorder, s.layer, &s.x.tensor, &s.dy.tensor, &s.dx.tensor), VKN_BAD_ARGUMENT,
              "x: 6 statistic groups");
    vkn_recorder *other = NULL;
    MUST(vkn_recorder_create(fixture.context, &other));
    MUST_FAIL(vkn_layer_forward(other, s.layer, &s.x.tensor, &s.y.tensor), VKN_BAD_ARGUMENT, "vkn_recorder_begin");
    MUST(vkn_recorder_begin(other, vkn_recorder_command_buffer(s.recorder)));
    MUST_FAIL(vkn_layer_forward(other, s.layer, &s.x.tensor, &s.y.tensor), VKN_BAD_ARGUMENT,
              "recorder: records into your command buffer");
    vkn_recorder_destroy(other);
    assert_int_equal(self.calls, 0);
    assert_false(was_written(&early));
    MUST(vkn_recorder_submit_and_wait(s.recorder));
    assert_true(was_written(&early));
    assert_false(was_written(&s.y));
    box_destroy(&early);

    MUST(share_step(&s));
    self.calls = 0;
    MUST(vkn_recorder_begin(s.recorder, VK_NULL_HANDLE));
    bad = s.dy.tensor;
    bad.shape[0]--;
    MUST_FAIL(vkn_layer_backward(s.recorder, s.layer, &s.x.tensor, &bad, &s.dx.tensor), VKN_BAD_ARGUMENT,
              "dy: shape [3, 6, 5], must be that of x: [4, 6, 5]");
    assert_int_equal(self.calls, 0);
    MUST(vkn_recorder_submit_and_wait(s.recorder));
    share_destroy(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_exchange_leaves_nothing), cmocka_unit_test(what_needs_no_exchange_makes_none),
        cmocka_unit_test(the_batch_is_that_of_all_ranks),   cmocka_unit_test(wrong_communicators_are_refused),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests_name("ranks errors", tests, fixture_open, fixture_close);
}
