// SPDX-License-Identifier: MIT
// A batch norm folded into the linear layer before it gives what the two give one after the other, the norm on the
// device; and its description becomes one of group norm.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "rig.h"

enum { IN = 7, OUT = 5, ROWS = 9, COUNT = ROWS * OUT };

// Values that differ, of either sign, within 1.
static void fill(float *values, uint32_t count, uint32_t seed) {
    for (uint32_t i = 0; i < count; i++)
        values[i] = (float)((i * 37 + seed * 101) % 64) / 32.0f - 1.0f;
}

static vkn_layer *make_layer(bool weight, bool bias, float weight_offset) {
    vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, OUT);
    info.norm.eps = 1e-3f;
    info.norm.weight_offset = weight_offset;
    info.weight = weight;
    info.bias = bias;
    vkn_layer *layer = NULL;
    MUST(vkn_layer_create(fixture.context, &info, &layer));
    float values[OUT];
    const vkn_slot slots[] = {VKN_WEIGHT, VKN_BIAS, VKN_RUNNING_MEAN};
    for (uint32_t i = 0; i < 3; i++) {
        fill(values, OUT, i + 1);
        if (vkn_layer_tensor(layer, slots[i]).buffer) MUST(vkn_layer_upload(layer, slots[i], values, sizeof values));
    }
    for (uint32_t c = 0; c < OUT; c++)
        values[c] = 0.05f + (float)c;
    MUST(vkn_layer_upload(layer, VKN_RUNNING_VAR, values, sizeof values));
    vkn_layer_train(layer, false);
    return layer;
}

static void linear(const float *x, const float *weights, const float *bias, double *y) {
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t c = 0; c < OUT; c++) {
            y[r * OUT + c] = (double)bias[c];
            for (uint32_t i = 0; i < IN; i++)
                y[r * OUT + c] += (double)weights[c * IN + i] * (double)x[r * IN + i];
        }
}

static void check_fold(bool has_weight, bool has_bias, float weight_offset) {
    float x[ROWS * IN], weights[OUT * IN], bias[OUT], z[ROWS * OUT];
    double exact[ROWS * OUT], folded[ROWS * OUT];
    fill(x, ROWS * IN, 5);
    fill(weights, OUT * IN, 6);
    fill(bias, OUT, 7);
    vkn_layer *layer = make_layer(has_weight, has_bias, weight_offset);
    linear(x, weights, bias, exact);
    for (uint32_t i = 0; i < ROWS * OUT; i++)
        z[i] = (float)exact[i];

    const vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, VKN_CHANNELS_FIRST, 2, (uint32_t[]){ROWS, OUT});
    struct box in = box_make(fixture.context, "z", 1, &like, z), out = box_make(fixture.context, "y", 2, &like, NULL);
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    MUST(vkn_layer_forward(fixture.recorder, layer, &in.tensor, &out.tensor));
    MUST(vkn_recorder_submit_and_wait(fixture.recorder));
    assert_int_equal(box_fetch(&in, "fold", false) + box_fetch(&out, "fold", true), 0);

    MUST(vkn_layer_fold(layer, IN, weights, bias));
    linear(x, weights, bias, folded);
    assert_int_equal(compare("fold", "y", box_floats(&out), folded, COUNT, ulps64(magnitude(folded, COUNT))), 0);
    box_destroy(&in);
    box_destroy(&out);
    vkn_layer_destroy(layer);
}

static void folding_gives_what_the_two_give(void **state) {
    (void)state;
    for (int choice = 0; choice < 8; choice++)
        check_fold(choice & 1, choice & 2, choice & 4 ? 1.5f : 0);
}

static void a_bias_alone_can_be_folded(void **state) {
    (void)state;
    float bias[OUT] = {0}, weights[OUT * IN], other[OUT] = {0};
    fill(weights, OUT * IN, 6);
    vkn_layer *layer = make_layer(true, true, 0);
    MUST(vkn_layer_fold(layer, 0, NULL, bias));
    MUST(vkn_layer_fold(layer, IN, weights, other));
    assert_memory_equal(bias, other, sizeof bias);
    vkn_layer_destroy(layer);
}

static void wrong_folds_change_nothing(void **state) {
    (void)state;
    float bias[OUT], weights[OUT], before[OUT];
    fill(bias, OUT, 1);
    memcpy(weights, bias, sizeof bias);
    memcpy(before, bias, sizeof bias);
    vkn_layer *layer = make_layer(true, true, 0), *other = NULL;
    MUST_FAIL(vkn_layer_fold(NULL, 1, weights, bias), VKN_BAD_ARGUMENT, "layer: NULL");
    MUST_FAIL(vkn_layer_fold(layer, 1, NULL, bias), VKN_BAD_ARGUMENT, "weights: NULL, per_channel is 1");
    MUST_FAIL(vkn_layer_fold(layer, 1, weights, NULL), VKN_BAD_ARGUMENT, "bias: NULL");
    vkn_layer_info info = vkn_layer_defaults(VKN_LAYER, OUT);
    MUST(vkn_layer_create(fixture.context, &info, &other));
    MUST_FAIL(vkn_layer_fold(other, 1, weights, bias), VKN_BAD_ARGUMENT, "must be batch norm");
    vkn_layer_destroy(other);
    info = vkn_layer_defaults(VKN_BATCH, OUT);
    info.track_running_stats = false;
    MUST(vkn_layer_create(fixture.context, &info, &other));
    MUST_FAIL(vkn_layer_fold(other, 1, weights, bias), VKN_BAD_ARGUMENT, "without running statistics");
    vkn_layer_destroy(other);
    info = vkn_layer_defaults(VKN_BATCH, OUT);
    info.norm.activation = VKN_RELU;
    MUST(vkn_layer_create(fixture.context, &info, &other));
    MUST_FAIL(vkn_layer_fold(other, 1, weights, bias), VKN_BAD_ARGUMENT,
              "activation: 1, must be none (0), for folding would lose it");
    vkn_layer_destroy(other);
    info = vkn_layer_defaults(VKN_BATCH, OUT);
    info.norm.activation = VKN_SILU;
    MUST(vkn_layer_create(fixture.context, &info, &other));
    MUST_FAIL(vkn_layer_fold(other, 1, weights, bias), VKN_BAD_ARGUMENT,
              "activation: 2, must be none (0), for folding would lose it");
    vkn_layer_destroy(other);
    vkn_layer_destroy(layer);
    assert_memory_equal(bias, before, sizeof bias);
    assert_memory_equal(weights, before, sizeof weights);
}

static void batch_becomes_group(void **state) {
    (void)state;
    vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, 12);
    info.norm.eps = 0.5f;
    info.norm.activation = VKN_RELU;
    info.norm.weight_offset = 1;
    info.bias = false;
    const vkn_layer_info batch = info;
    MUST_FAIL(vkn_layer_info_to_group(NULL, 4), VKN_BAD_ARGUMENT, "info: NULL");
    MUST_FAIL(vkn_layer_info_to_group(&info, 5), VKN_BAD_ARGUMENT,
              "num_channels must be divisible by num_groups: 12 and 5");
    MUST_FAIL(vkn_layer_info_to_group(&info, 0), VKN_BAD_ARGUMENT, "12 and 0");
    assert_true(info.norm.kind == batch.norm.kind && info.track_running_stats);
    MUST(vkn_layer_info_to_group(&info, 4));
    assert_true(info.norm.kind == VKN_GROUP && info.norm.groups == 4 && info.norm.eps == 0.5f);
    assert_true(info.norm.activation == VKN_RELU && info.norm.weight_offset == 1);
    assert_true(info.features == 12 && info.weight && !info.bias && !info.track_running_stats);
    MUST_FAIL(vkn_layer_info_to_group(&info, 4), VKN_BAD_ARGUMENT, "must be batch norm");
    vkn_layer *layer = NULL;
    MUST(vkn_layer_create(fixture.context, &info, &layer));
    vkn_layer_destroy(layer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_gives_what_the_two_give),
        cmocka_unit_test(a_bias_alone_can_be_folded),
        cmocka_unit_test(wrong_folds_change_nothing),
        cmocka_unit_test(batch_becomes_group),
    };
    return cmocka_run_group_tests_name("fold", tests, fixture_open, fixture_close);
}
