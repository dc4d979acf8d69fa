// SPDX-License-Identifier: MIT
// The state of layers in files: what is saved is loaded, and PyTorch's files are read and written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>

#include "box.h"
#include "rig.h"
#include "state_file.h"

enum { FEATURES = 24 };

static vkn_layer *make(vkn_layer_info info) {
    vkn_layer *layer = NULL;
    MUST(vkn_layer_create(fixture.context, &info, &layer));
    return layer;
}

// ---- What is saved is loaded -------------------------------------------------------------------------------------
// All that a layer can have, for each kind; `shape` has normalized_rank sizes.
static const struct variant {
    vkn_kind kind;
    uint32_t normalized_rank;
    bool weight, bias, tracks;
    const uint32_t *shape;
} variants[] = {
    {VKN_BATCH, 1, true, true, true, NULL},
    {VKN_BATCH, 1, false, false, true, NULL},
    {VKN_BATCH, 1, true, true, false, NULL},
    {VKN_INSTANCE, 1, false, false, false, NULL},
    {VKN_INSTANCE, 1, true, true, true, NULL},
    {VKN_GROUP, 1, true, true, false, NULL},
    {VKN_LAYER, 1, true, true, false, NULL},
    {VKN_LAYER, 1, true, false, false, (const uint32_t[]){24}},
    {VKN_LAYER, 3, true, true, false, (const uint32_t[]){2, 3, 4}},
    {VKN_LAYER, 3, true, true, false, NULL},
    {VKN_RMS, 1, true, false, false, NULL},
    {VKN_RMS, 2, true, false, false, (const uint32_t[]){4, 6}},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static vkn_layer *make_variant(const struct variant *v) {
    vkn_layer_info info = vkn_layer_defaults(v->kind, FEATURES);
    info.norm.normalized_rank = v->normalized_rank;
    info.weight = v->weight;
    info.bias = v->bias;
    info.track_running_stats = v->tracks;
    return make(info);
}

// Gradients are not in the file; they stay as they are.
static bool is_gradient(int slot) {
    return slot == VKN_WEIGHT_GRAD || slot == VKN_BIAS_GRAD;
}

static void each_kind_comes_back(void **state) {
    (void)state;
    for (size_t i = 0; i < VARIANTS; i++) {
        vkn_layer *layer = make_variant(&variants[i]), *other = make_variant(&variants[i]);
        vkn_state_entry from = {"norm.", layer, variants[i].shape}, to = {"norm.", other, variants[i].shape};
        struct held saved, loaded;
        layer_fill(layer, (uint32_t)i);
        layer_hold(layer, &saved);
        MUST(vkn_state_save("state", &from, 1));
        MUST(vkn_state_load("state", &to, 1, true));
        layer_hold(other, &loaded);
        for (int slot = 0; slot < VKN_SLOT_COUNT; slot++) {
            if (!is_gradient(slot)) assert_memory_equal(saved.bytes[slot], loaded.bytes[slot], HELD_BYTES);
        }
        vkn_layer_destroy(layer);
        vkn_layer_destroy(other);
    }
    unlink("state");
}

// Every layer in one file, half of them on another device's context, in another order when they are loaded.
static void many_layers_share_a_file(void **state) {
    (void)state;
    struct rig second;
    assert_int_equal(rig_open(&second, NULL), 0);
    vkn_state_entry entries[VARIANTS];
    char prefixes[VARIANTS][32];
    struct held before[VARIANTS], after;
    vkn_context *first = fixture.context;
    for (size_t i = 0; i < VARIANTS; i++) {
        snprintf(prefixes[i], sizeof prefixes[i], "block.%zu.n\xc3\xb8rm.", i);
        fixture.context = i % 2 ? second.context : first;
        entries[i] = (vkn_state_entry){i ? prefixes[i] : NULL, make_variant(&variants[i]), variants[i].shape};
        layer_fill(entries[i].layer, (uint32_t)i);
        layer_hold(entries[i].layer, &before[i]);
    }
    fixture.context = first;
    MUST(vkn_state_save("state", entries, VARIANTS));
    for (size_t i = 0; i < VARIANTS; i++) {
        layer_fill(entries[i].layer, 100);
        layer_hold(entries[i].layer, &after);
        for (int slot = 0; slot < VKN_SLOT_COUNT; slot++)
            if (is_gradient(slot)) memcpy(before[i].bytes[slot], after.bytes[slot], HELD_BYTES);
    }
    for (size_t i = 0; i < VARIANTS / 2; i++) {
        vkn_state_entry swapped = entries[i];
        entries[i] = entries[VARIANTS - 1 - i];
        entries[VARIANTS - 1 - i] = swapped;
    }
    MUST(vkn_state_load("state", entries, VARIANTS, true));
    for (size_t i = 0; i < VARIANTS; i++) {
        layer_hold(entries[i].layer, &after);
        assert_memory_equal(&after, &before[VARIANTS - 1 - i], sizeof after);
        vkn_layer_destroy(entries[i].layer);
    }
    rig_close(&second);
    unlink("state");
}

static void no_layers_are_a_file_too(void **state) {
    (void)state;
    MUST(vkn_state_save("state", NULL, 0));
    MUST(vkn_state_load("state", NULL, 0, true));
    unlink("state");
}

static void forward(vkn_layer *layer, const struct box *x, struct box *y) {
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    MUST(vkn_layer_forward(fixture.recorder, layer, &x->tensor, &y->tensor));
    MUST(vkn_recorder_submit_and_wait(fixture.recorder));
    assert_int_equal(box_fetch(y, "y", true), 0);
}

// What the device has counted and averaged is in the file; the layer that reads it goes on with the same bits.
static void a_trained_layer_goes_on(void **state) {
    (void)state;
    vkn_layer *layers[] = {make(vkn_layer_defaults(VKN_BATCH, FEATURES)),
                           make(vkn_layer_defaults(VKN_BATCH, FEATURES))};
    float values[7 * FEATURES];
    for (int i = 0; i < 7 * FEATURES; i++)
        values[i] = (float)(i * i % 101) - 40;
    const uint32_t shape[] = {7, FEATURES};
    vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, VKN_CHANNELS_FIRST, 2, shape);
    struct box x = box_make(fixture.context, "x", 0, &like, values);
    struct box y[] = {box_make(fixture.context, "y", 0, &like, NULL), box_make(fixture.context, "y", 0, &like, NULL)};
    forward(layers[0], &x, &y[0]);
    MUST(vkn_state_save("state", &(vkn_state_entry){.layer = layers[0]}, 1));
    MUST(vkn_state_load("state", &(vkn_state_entry){.layer = layers[1]}, 1, true));
    int64_t counted = 0;
    MUST(vkn_layer_download(layers[1], VKN_NUM_BATCHES_TRACKED, &counted, sizeof counted));
    assert_int_equal(counted, 1);
    for (int i = 0; i < 2; i++) {
        vkn_layer_train(layers[i], false);
        forward(layers[i], &x, &y[i]);
    }
    assert_memory_equal(box_floats(&y[0]), box_floats(&y[1]), sizeof values);
    for (int i = 0; i < 2; i++) {
        vkn_layer_destroy(layers[i]);
        box_destroy(&y[i]);
    }
    box_destroy(&x);
    unlink("state");
}

// ---- PyTorch's files ---------------------------------------------------------------------------------------------
#define ENTRY(name, dtype, shape, begin, end)                                                                          \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

// safetensors.torch.save_file({k: v for k, v in network.state_dict().items()}) of a network with bn1 = BatchNorm1d(2)
// and ln = LayerNorm((2, 1)): wide elements first, then by name; the header padded with spaces to 8 bytes.
static const char torch_header[] = "{" ENTRY("bn1.num_batches_tracked", "I64", "[]", "0", "8") "," ENTRY(
    "bn1.bias", "F32", "[2]", "8",
    "16") "," ENTRY("bn1.running_mean", "F32", "[2]", "16",
                    "24") "," ENTRY("bn1.running_var", "F32", "[2]", "24",
                                    "32") "," ENTRY("bn1.weight", "F32", "[2]", "32",
                                                    "40") "," ENTRY("ln.bias", "F32", "[2,1]", "40",
                                                                    "48") "," ENTRY("ln.weight", "F32", "[2,1]", "48",
                                                                                    "56") "}";
static const unsigned char torch_data[] = {
    0x02, 0x01, 0, 0,    0, 0, 0, 0,    // 258
    0,    0,    0, 0x3f, 0, 0, 0, 0xbf, // bias 0.5, -0.5
    0,    0,    0, 0x40, 0, 0, 0, 0xc0, // running_mean 2, -2
    0,    0,    0, 0x41, 0, 0, 0, 0x3e, // running_var 8, 0.125
    0,    0,    0, 0,    0, 0, 0, 0x80, // weight 0, -0
    0,    0,    0, 0x42, 0, 0, 0, 0x3d, // bias 32, 0.03125
    0,    0,    0, 0xc2, 1, 0, 0, 0,    // weight -32, the smallest positive
};

static void a_file_of_pytorch_is_read_and_written(void **state) {
    (void)state;
    vkn_layer_info two = vkn_layer_defaults(VKN_LAYER, 2);
    two.norm.normalized_rank = 2;
    vkn_layer *bn = make(vkn_layer_defaults(VKN_BATCH, 2)), *ln = make(two);
    const uint32_t shape[] = {2, 1};
    const vkn_state_entry entries[] = {{"bn1.", bn, NULL}, {"ln.", ln, shape}};
    file_write("torch", torch_header, torch_data, sizeof torch_data);
    MUST(vkn_state_load("torch", entries, 2, true));
    static const struct {
        bool ln;
        vkn_slot slot;
        float values[2];
    } wanted[] = {
        {false, VKN_BIAS, {0.5f, -0.5f}}, {false, VKN_RUNNING_MEAN, {2, -2}}, {false, VKN_RUNNING_VAR, {8, 0.125f}},
        {false, VKN_WEIGHT, {0, -0.0f}},  {true, VKN_BIAS, {32, 0.03125f}},   {true, VKN_WEIGHT, {-32, 0x1p-149f}},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        float got[2];
        MUST(vkn_layer_download(wanted[i].ln ? ln : bn, wanted[i].slot, got, sizeof got));
        assert_memory_equal(got, wanted[i].values, sizeof got);
    }
    int64_t counted = 0;
    MUST(vkn_layer_download(bn, VKN_NUM_BATCHES_TRACKED, &counted, sizeof counted));
    assert_int_equal(counted, 258);
    MUST(vkn_state_save("ours", entries, 2)); // the very same bytes
    file_expect_same("ours", "torch");
    vkn_layer_destroy(bn);
    vkn_layer_destroy(ln);
    unlink("torch");
    unlink("ours");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_comes_back),
        cmocka_unit_test(many_layers_share_a_file),
        cmocka_unit_test(no_layers_are_a_file_too),
        cmocka_unit_test(a_trained_layer_goes_on),
        cmocka_unit_test(a_file_of_pytorch_is_read_and_written),
    };
    return cmocka_run_group_tests_name("state", tests, state_setup, state_teardown);
}
