// SPDX-License-Identifier: MIT
// Layers: torch.nn's defaults, and a few steps of training, evaluation and freezing against the reference, with and
// without an activation and a residual.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "norm_case.h"

enum { FEATURES = 6 };

static const vkn_kind kinds[] = {VKN_BATCH, VKN_INSTANCE, VKN_GROUP, VKN_LAYER, VKN_RMS};

static vkn_layer *make(vkn_layer_info info) {
    vkn_layer *layer = NULL;
    MUST(vkn_layer_create(fixture.context, &info, &layer));
    return layer;
}

static void expect_slot(vkn_layer *layer, vkn_slot slot, bool present, float value) {
    vkn_tensor t = vkn_layer_tensor(layer, slot);
    assert_int_equal(t.buffer != VK_NULL_HANDLE, present);
    float values[FEATURES];
    if (!present) {
        MUST_FAIL(vkn_layer_download(layer, slot, values, sizeof values), VKN_BAD_ARGUMENT, "");
        return;
    }
    assert_true(t.dtype == VKN_F32 && vkn_tensor_count(&t) == FEATURES);
    MUST(vkn_layer_download(layer, slot, values, sizeof values));
    for (int i = 0; i < FEATURES; i++)
        assert_true(values[i] == value);
}

static void defaults_are_those_of_torch(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        vkn_layer_info info = vkn_layer_defaults(kinds[k], FEATURES);
        assert_true(info.norm.kind == kinds[k] && info.norm.eps == 1e-5f && info.momentum == 0.1f);
        assert_true(info.features == FEATURES);
        bool affine = kinds[k] != VKN_INSTANCE, tracks = kinds[k] == VKN_BATCH;
        assert_int_equal(info.weight, affine);
        assert_int_equal(info.bias, affine && kinds[k] != VKN_RMS);
        assert_int_equal(info.track_running_stats, tracks);
        vkn_layer *layer = make(info);
        expect_slot(layer, VKN_WEIGHT, info.weight, 1);
        expect_slot(layer, VKN_BIAS, info.bias, 0);
        expect_slot(layer, VKN_RUNNING_MEAN, tracks, 0);
        expect_slot(layer, VKN_RUNNING_VAR, tracks, 1);
        int64_t counted = -1;
        if (tracks) MUST(vkn_layer_download(layer, VKN_NUM_BATCHES_TRACKED, &counted, sizeof counted));
        assert_int_equal(counted, tracks ? 0 : -1);
        vkn_layer_destroy(layer);
    }
    vkn_layer_destroy(NULL);
}

static void bad_layers_are_refused(void **state) {
    (void)state;
    vkn_layer *layer = (vkn_layer *)(void *)state; // anything but NULL
    vkn_layer_info info = vkn_layer_defaults(VKN_RMS, FEATURES);
    info.bias = true;
    MUST_FAIL(vkn_layer_create(fixture.context, &info, &layer), VKN_BAD_ARGUMENT, "bias");
    assert_null(layer);
    info = vkn_layer_defaults(VKN_LAYER, FEATURES);
    info.track_running_stats = true;
    MUST_FAIL(vkn_layer_create(fixture.context, &info, &layer), VKN_BAD_ARGUMENT, "track_running_stats");
    info = vkn_layer_defaults(VKN_BATCH, 0);
    MUST_FAIL(vkn_layer_create(fixture.context, &info, &layer), VKN_BAD_ARGUMENT, "features: 0");
    info = vkn_layer_defaults(VKN_BATCH, FEATURES);
    info.momentum = 2;
    MUST_FAIL(vkn_layer_create(fixture.context, &info, &layer), VKN_BAD_ARGUMENT, "momentum: 2");
    info = vkn_layer_defaults(VKN_BATCH, FEATURES);
    info.norm.eps = -1;
    MUST_FAIL(vkn_layer_create(fixture.context, &info, &layer), VKN_BAD_ARGUMENT, "eps: -1");
    info = vkn_layer_defaults(VKN_GROUP, FEATURES);
    info.norm.groups = 4;
    MUST_FAIL(vkn_layer_create(fixture.context, &info, &layer), VKN_BAD_ARGUMENT, "divisible by num_groups");

    layer = make(vkn_layer_defaults(VKN_BATCH, FEATURES));
    float values[FEATURES + 1] = {0};
    MUST_FAIL(vkn_layer_upload(layer, VKN_WEIGHT, values, sizeof values), VKN_BAD_ARGUMENT, "28");
    MUST_FAIL(vkn_layer_download(layer, VKN_BIAS, values, 4), VKN_BAD_ARGUMENT, "24");
    MUST_FAIL(vkn_layer_upload(layer, VKN_SLOT_COUNT, values, 24), VKN_BAD_ARGUMENT, "slot");
    vkn_layer_destroy(layer);
}

// ---- Steps against the reference ---------------------------------------------------------------------------------
struct module {
    vkn_layer *layer;
    vkn_layer_info info;
    vkn_residual residual;
    double weight[FEATURES], bias[FEATURES], dweight[FEATURES], dbias[FEATURES];
    double running_mean[FEATURES], running_var[FEATURES];
    bool training, frozen, accumulate;
};

static struct module module_make(vkn_layer_info info, vkn_residual residual) {
    struct module m = {.layer = make(info), .info = info, .residual = residual, .training = true};
    float weight[FEATURES], bias[FEATURES];
    data_fill_parameter(20, FEATURES, 1, 0.3, weight);
    data_fill_parameter(21, FEATURES, 0, 0.5, bias);
    for (int i = 0; i < FEATURES; i++) {
        m.weight[i] = (double)weight[i];
        m.bias[i] = (double)bias[i];
        m.running_var[i] = 1;
    }
    if (info.weight) MUST(vkn_layer_upload(m.layer, VKN_WEIGHT, weight, sizeof weight));
    if (info.bias) MUST(vkn_layer_upload(m.layer, VKN_BIAS, bias, sizeof bias));
    return m;
}

static int compare_slot(const struct module *m, vkn_slot slot, const char *name, const double *want) {
    float got[FEATURES];
    if (vkn_layer_tensor(m->layer, slot).buffer == VK_NULL_HANDLE) return 0;
    MUST(vkn_layer_download(m->layer, slot, got, sizeof got));
    return compare("layer", name, got, want, FEATURES, ulps64(magnitude(want, FEATURES)));
}

// The tensors of one step; `extra` is the residual, and `h` what is normalized where it was added before.
enum { X, EXTRA, H, Y, DY, DH, DX, DEXTRA, BOXES };

struct step {
    struct reference r;
    float *x, *extra, *dy, *dh;
    struct box box[BOXES];
};

// On other data and another batch size each step.
static struct step step_make(const struct module *m, uint64_t seed, uint32_t batch) {
    static const char *const names[BOXES] = {"x", "residual", "h", "y", "dy", "dh", "dx", "dresidual"};
    bool by_shape = m->info.norm.kind == VKN_LAYER || m->info.norm.kind == VKN_RMS;
    const uint32_t shape[] = {batch, by_shape ? 5 : FEATURES, by_shape ? FEATURES : 5};
    const vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, VKN_CHANNELS_FIRST, 3, shape);
    struct step s = {.r = reference_make(&m->info.norm, VKN_CHANNELS_FIRST, 3, shape)};
    s.r.biased_running_var = m->info.biased_running_var;
    float **data[] = {&s.x, &s.extra, &s.dy, &s.dh};
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        *data[i] = zeros(s.r.count, sizeof **data[i]);
    data_fill(DATA_NORMAL, VKN_F32, seed, &s.r, s.x);
    data_fill_parameter(seed + 50, s.r.count, 0.5, 1, s.extra);
    data_fill_gradient(seed, s.r.count, s.dy);
    data_fill_parameter(seed + 60, s.r.count, 0, 0.1, s.dh);
    const float *contents[BOXES] = {[X] = s.x, [EXTRA] = s.extra, [DY] = s.dy, [DH] = s.dh};
    for (uint32_t i = 0; i < BOXES; i++)
        s.box[i] = box_make(fixture.context, names[i], i, &like, contents[i]);
    return s;
}

static void step_destroy(struct step *s) {
    float *data[] = {s->x, s->extra, s->dy, s->dh};
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        free(data[i]);
    for (int i = 0; i < BOXES; i++)
        box_destroy(&s->box[i]);
}

// Forward and backward in one command buffer.
static void step_record(struct step *s, const struct module *m) {
    const struct box *b = s->box;
    const bool before = m->residual == VKN_RESIDUAL_BEFORE, after = m->residual == VKN_RESIDUAL_AFTER;
    const vkn_tensor *normalized = before ? &b[H].tensor : &b[X].tensor;
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    if (m->residual)
        MUST(vkn_layer_forward_residual(fixture.recorder, m->layer, &b[X].tensor, &b[EXTRA].tensor,
                                        before ? &b[H].tensor : NULL, &b[Y].tensor));
    else
        MUST(vkn_layer_forward(fixture.recorder, m->layer, &b[X].tensor, &b[Y].tensor));
    MUST(vkn_recorder_barrier(fixture.recorder));
    if (m->residual)
        MUST(vkn_layer_backward_residual(fixture.recorder, m->layer, normalized, &b[DY].tensor,
                                         after ? &b[EXTRA].tensor : NULL, before ? &b[DH].tensor : NULL, &b[DX].tensor,
                                         after ? &b[DEXTRA].tensor : NULL));
    else
        MUST(vkn_layer_backward(fixture.recorder, m->layer, normalized, &b[DY].tensor, &b[DX].tensor));
    MUST(vkn_recorder_submit_and_wait(fixture.recorder));
}

// What a step must give.
struct expected {
    double *h, *y, *dx, *dextra;
};

// Moves the module's running statistics and gradients on, too.
static struct expected step_expect(const struct step *s, struct module *m) {
    const struct reference *r = &s->r;
    const bool before = m->residual == VKN_RESIDUAL_BEFORE, after = m->residual == VKN_RESIDUAL_AFTER;
    const bool trains = m->training && !m->frozen, uses_running = m->info.track_running_stats && !trains;
    const double *weight = m->info.weight ? m->weight : NULL, *bias = m->info.bias ? m->bias : NULL;
    struct expected e = {doubles_of(s->x, r->count), zeros(r->count, 8), zeros(r->count, 8), zeros(r->count, 8)};
    double *extra = doubles_of(s->extra, r->count), *z = zeros(r->count, 8), dweight[FEATURES], dbias[FEATURES];
    double *mean = zeros(r->groups, 8), *var = zeros(r->groups, 8), *rstd = zeros(r->groups, 8);
    for (uint64_t i = 0; i < r->count && before; i++)
        e.h[i] = (double)(s->x[i] + s->extra[i]); // as f32 rounds it
    reference_statistics(r, e.h, mean, var);
    if (m->info.track_running_stats && trains)
        reference_running(r, mean, var, (double)m->info.momentum, m->running_mean, m->running_var);
    if (uses_running) {
        reference_expand(r, m->running_mean, mean);
        reference_expand(r, m->running_var, var);
    }
    reference_rstd(r, var, rstd);
    reference_affine(r, e.h, mean, rstd, weight, bias, after ? extra : NULL, z);
    reference_activate(r, z, e.y);
    for (uint64_t i = 0; i < r->count; i++)
        e.dextra[i] = (double)s->dy[i];
    reference_activate_grad(r, z, e.dextra, e.dextra);
    reference_backward(r, uses_running, e.h, e.dextra, mean, rstd, weight, e.dx, dweight, dbias);
    for (uint64_t i = 0; i < r->count && before; i++)
        e.dx[i] += (double)s->dh[i];
    for (int i = 0; i < FEATURES && !m->frozen; i++) {
        m->dweight[i] = dweight[i] + (m->accumulate ? m->dweight[i] : 0);
        m->dbias[i] = dbias[i] + (m->accumulate ? m->dbias[i] : 0);
    }
    double *used[] = {extra, z, mean, var, rstd};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        free(used[i]);
    return e;
}

static int module_step(struct module *m, uint64_t seed, uint32_t batch) {
    struct step s = step_make(m, seed, batch);
    step_record(&s, m);
    struct expected e = step_expect(&s, m);
    const bool before = m->residual == VKN_RESIDUAL_BEFORE, after = m->residual == VKN_RESIDUAL_AFTER;
    const double *want[BOXES] = {[H] = before ? e.h : NULL, [Y] = e.y, [DX] = e.dx, [DEXTRA] = after ? e.dextra : NULL};
    int faults = 0;
    for (int i = 0; i < BOXES; i++) {
        faults += box_fetch(&s.box[i], "layer", want[i] != NULL);
        if (want[i]) faults += compare_box("layer", &s.box[i], want[i], ulps64(magnitude(want[i], s.r.count)), NULL);
    }
    faults += compare_slot(m, VKN_WEIGHT_GRAD, "dweight", m->dweight);
    faults += compare_slot(m, VKN_BIAS_GRAD, "dbias", m->dbias);
    faults += compare_slot(m, VKN_RUNNING_MEAN, "running_mean", m->running_mean);
    faults += compare_slot(m, VKN_RUNNING_VAR, "running_var", m->running_var);
    double *used[] = {e.h, e.y, e.dx, e.dextra};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        free(used[i]);
    step_destroy(&s);
    return faults;
}

static void steps_in_every_mode(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (int variant = 0; variant < 5; variant++) {
            vkn_layer_info info = vkn_layer_defaults(kinds[k], FEATURES);
            bool tracks = kinds[k] == VKN_BATCH || kinds[k] == VKN_INSTANCE;
            if (kinds[k] == VKN_GROUP) info.norm.groups = 3;
            if (variant == 1 && tracks) info.track_running_stats = !info.track_running_stats;
            if (variant == 1) info.weight = true;
            if (variant == 2) info.bias = false;
            vkn_residual residual = VKN_NO_RESIDUAL;
            if (variant > 2) {
                info.norm.activation = variant == 3 ? VKN_SILU : VKN_RELU;
                info.norm.weight_offset = 1;
                info.biased_running_var = true;
                residual = variant == 3 ? VKN_RESIDUAL_AFTER : VKN_RESIDUAL_BEFORE;
            }
            struct module m = module_make(info, residual);
            int faults = module_step(&m, 1, 3);
            faults += module_step(&m, 2, 7); // a larger batch, then smaller ones
            vkn_layer_accumulate(m.layer, m.accumulate = true);
            faults += module_step(&m, 3, 2);
            faults += module_step(&m, 4, 2);
            vkn_layer_train(m.layer, m.training = false);
            faults += module_step(&m, 5, 4);
            vkn_layer_accumulate(m.layer, m.accumulate = false);
            faults += module_step(&m, 6, 1);
            vkn_layer_train(m.layer, m.training = true);
            vkn_layer_freeze(m.layer, m.frozen = true);
            faults += module_step(&m, 7, 5);
            vkn_layer_freeze(m.layer, m.frozen = false);
            faults += module_step(&m, 8, 5);
            if (faults) fail_msg("kind %d, variant %d", (int)kinds[k], variant);
            if (info.track_running_stats) {
                int64_t counted = 0;
                MUST(vkn_layer_download(m.layer, VKN_NUM_BATCHES_TRACKED, &counted, sizeof counted));
                assert_int_equal(counted, 5);
            }
            vkn_layer_destroy(m.layer);
        }
    }
}

// PyTorch's words for what does not go into a layer; nothing is recorded, and the layer goes on as before.
static void wrong_inputs_are_named(void **state) {
    (void)state;
    struct module m = module_make(vkn_layer_defaults(VKN_BATCH, FEATURES), VKN_NO_RESIDUAL);
    const uint32_t seven[] = {2, 7}, one[] = {1, FEATURES}, good[] = {4, FEATURES};
    vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, VKN_CHANNELS_FIRST, 2, good);
    struct box x = box_make(fixture.context, "x", 0, &like, NULL), y = box_make(fixture.context, "y", 0, &like, NULL);
    struct box h = box_make(fixture.context, "h", 0, &like, NULL);
    vkn_tensor bad_x = vkn_tensor_make(x.tensor.buffer, 0, VKN_F32, VKN_CHANNELS_FIRST, 2, seven);
    vkn_tensor bad_y = vkn_tensor_make(y.tensor.buffer, 0, VKN_F32, VKN_CHANNELS_FIRST, 2, seven);
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    MUST_FAIL(vkn_layer_forward(fixture.recorder, m.layer, &bad_x, &bad_y), VKN_BAD_ARGUMENT,
              "running_mean should contain 7 elements not 6");
    bad_x = vkn_tensor_make(x.tensor.buffer, 0, VKN_F32, VKN_CHANNELS_FIRST, 2, one);
    bad_y = vkn_tensor_make(y.tensor.buffer, 0, VKN_F32, VKN_CHANNELS_FIRST, 2, one);
    MUST_FAIL(vkn_layer_forward(fixture.recorder, m.layer, &bad_x, &bad_y), VKN_BAD_ARGUMENT,
              "Expected more than 1 value per channel when training, got input size [1, 6]");
    vkn_layer_train(m.layer, m.training = false);
    MUST(vkn_layer_forward(fixture.recorder, m.layer, &bad_x, &bad_y)); // one value is fine in evaluation
    MUST_FAIL(vkn_layer_forward(fixture.recorder, NULL, &bad_x, &bad_y), VKN_BAD_ARGUMENT, "layer: NULL");
    MUST_FAIL(vkn_layer_forward(fixture.recorder, m.layer, NULL, &bad_y), VKN_BAD_ARGUMENT, "x");
    MUST_FAIL(vkn_layer_forward(fixture.recorder, m.layer, &bad_x, NULL), VKN_BAD_ARGUMENT, "y");
    MUST_FAIL(vkn_layer_backward(fixture.recorder, m.layer, &bad_x, NULL, NULL), VKN_BAD_ARGUMENT, "dy");
    vkn_layer_train(m.layer, m.training = true);
    MUST_FAIL(vkn_layer_backward(fixture.recorder, m.layer, &x.tensor, &y.tensor, NULL), VKN_BAD_ARGUMENT,
              "x: 6 statistic groups, but the last forward has saved those of 0");
    MUST_FAIL(vkn_layer_forward_residual(fixture.recorder, m.layer, &x.tensor, NULL, &h.tensor, &y.tensor),
              VKN_BAD_ARGUMENT, "h");
    assert_int_equal(module_step(&m, 9, 3), 0);
    box_destroy(&x);
    box_destroy(&y);
    box_destroy(&h);
    vkn_layer_destroy(m.layer);
}

// Nothing is computed, and the gradients are those of nothing.
static void an_empty_batch_is_legal(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        vkn_layer *layer = make(vkn_layer_defaults(kinds[k], FEATURES));
        const uint32_t shape[] = {0, FEATURES, FEATURES};
        const vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, VKN_CHANNELS_FIRST, 3, shape);
        struct box x = box_make(fixture.context, "x", 0, &like, NULL),
                   y = box_make(fixture.context, "y", 0, &like, NULL);
        const float ones[FEATURES] = {1, 1, 1, 1, 1, 1};
        const bool weight = vkn_layer_tensor(layer, VKN_WEIGHT).buffer != VK_NULL_HANDLE;
        if (weight) MUST(vkn_layer_upload(layer, VKN_WEIGHT_GRAD, ones, sizeof ones));
        MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
        MUST(vkn_layer_forward(fixture.recorder, layer, &x.tensor, &y.tensor));
        MUST(vkn_recorder_barrier(fixture.recorder));
        MUST(vkn_layer_backward(fixture.recorder, layer, &x.tensor, &y.tensor, &y.tensor));
        MUST(vkn_recorder_submit_and_wait(fixture.recorder));
        expect_slot(layer, VKN_WEIGHT_GRAD, weight, 0);
        assert_int_equal(box_fetch(&x, "empty", false) + box_fetch(&y, "empty", true), 0);
        box_destroy(&x);
        box_destroy(&y);
        vkn_layer_destroy(layer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_torch), cmocka_unit_test(bad_layers_are_refused),
        cmocka_unit_test(steps_in_every_mode),         cmocka_unit_test(wrong_inputs_are_named),
        cmocka_unit_test(an_empty_batch_is_legal),
    };
    return cmocka_run_group_tests_name("layer", tests, fixture_open, fixture_close);
}
