// SPDX-License-Identifier: MIT
// Files of weights: what was saved comes back bit for bit, and what does not fit changes nothing.
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <safetensors.h>

#include "fixture.h"
#include "linear.h"
#include "norm.h"
#include "sequential.h"

enum { IN = 5, HIDDEN = 6, OUT = 3, TENSORS = 9, COUNTED = 6 };

static nn_module *network_create(fixture *f, uint32_t out) {
    const vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, HIDDEN);
    nn_module *module = nn_sequential_create(f->device);
    nn_sequential_add(module, nn_linear_create(f->device, IN, HIDDEN, &f->random));
    nn_sequential_add(module, nn_norm_create(f->device, &info));
    nn_sequential_add(module, nn_linear_create(f->device, HIDDEN, out, &f->random));
    assert_true(nn_ok(f->device));
    return module;
}

// A network of which every tensor has a value of its own: one batch has gone through it.
static nn_module *warm_network_create(fixture *f, uint32_t out) {
    nn_module *module = network_create(f, out);
    float *x = random_floats(f, (size_t)4 * IN, 1);
    const box tx = box_create(f, 4, IN, x);
    nn_begin(f->device);
    nn_module_forward(module, tx.inside);
    submit(f);
    free(x);
    return module;
}

typedef struct contents {
    parameter_list list;
    float *data[TENSORS]; // I64 too
} contents;

static contents contents_read(fixture *f, nn_module *module) {
    contents c = {.list = list_state(module)};
    assert_int_equal(c.list.count, TENSORS);
    for (size_t i = 0; i < TENSORS; i++)
        c.data[i] = read_any(f, &c.list.items[i].value);
    return c;
}

static void contents_free(contents *c) {
    for (size_t i = 0; i < TENSORS; i++)
        free(c->data[i]);
}

// Of the first `same` tensors; the others differ.
static void assert_same(const contents *a, const contents *b, size_t same) {
    for (size_t i = 0; i < TENSORS; i++) {
        const size_t bytes = nn_tensor_bytes(&a->list.items[i].value);
        if (i < same) {
            assert_memory_equal(a->data[i], b->data[i], bytes);
        } else {
            assert_memory_not_equal(a->data[i], b->data[i], bytes);
        }
    }
}

static void test_round_trip(void **state) {
    fixture *f = *state;
    nn_module *one = warm_network_create(f, OUT), *two = network_create(f, OUT);
    nn_weights_save(one, "good");
    nn_weights_load(two, "good", NULL);
    assert_true(nn_ok(f->device));
    contents had = contents_read(f, one), got = contents_read(f, two);
    assert_same(&had, &got, TENSORS);
    assert_int_equal(*(int64_t *)(void *)got.data[COUNTED], 1);
    contents_free(&had);
    contents_free(&got);
    nn_module_destroy(one);
    nn_module_destroy(two);
}

// As PyTorch names and shapes them.
static void test_file(void **state) {
    fixture *f = *state;
    static const struct {
        const char *name, *shape;
        vkn_safetensors_dtype dtype;
    } expected[TENSORS] = {
        {"0.bias", "[6]", VKN_SAFETENSORS_F32},         {"0.weight", "[6, 5]", VKN_SAFETENSORS_F32},
        {"1.bias", "[6]", VKN_SAFETENSORS_F32},         {"1.num_batches_tracked", "[]", VKN_SAFETENSORS_I64},
        {"1.running_mean", "[6]", VKN_SAFETENSORS_F32}, {"1.running_var", "[6]", VKN_SAFETENSORS_F32},
        {"1.weight", "[6]", VKN_SAFETENSORS_F32},       {"2.bias", "[3]", VKN_SAFETENSORS_F32},
        {"2.weight", "[3, 6]", VKN_SAFETENSORS_F32}};
    nn_module *module = warm_network_create(f, OUT);
    nn_weights_save(module, "good");
    assert_true(nn_ok(f->device));
    vkn_safetensors file;
    vkn_safetensors_error error;
    assert_int_equal(vkn_safetensors_load("good", &file, &error), VKN_OK);
    assert_int_equal(file.count, TENSORS);
    for (size_t i = 0; i < TENSORS; i++) {
        const vkn_safetensor *t = &file.tensors[i];
        assert_string_equal(t->name, expected[i].name);
        assert_string_equal(vkn_safetensors_print_shape(t->rank, t->shape).text, expected[i].shape);
        assert_int_equal(t->dtype, expected[i].dtype);
    }
    vkn_safetensors_free(&file);
    nn_module_destroy(module);
}

// A new head of another size keeps what it has.
static void test_except(void **state) {
    fixture *f = *state;
    nn_module *one = warm_network_create(f, OUT), *two = network_create(f, OUT + 1);
    nn_weights_save(one, "good");
    contents had = contents_read(f, one), before = contents_read(f, two);
    nn_weights_load(two, "good", "2.");
    assert_true(nn_ok(f->device));
    contents after = contents_read(f, two);
    for (size_t i = 0; i < TENSORS; i++) {
        const float *expected = i < COUNTED + 1 ? had.data[i] : before.data[i];
        assert_memory_equal(after.data[i], expected, nn_tensor_bytes(&after.list.items[i].value));
    }
    contents_free(&had);
    contents_free(&before);
    contents_free(&after);
    nn_module_destroy(one);
    nn_module_destroy(two);
}

// The file of `module` with tensor `index` (in the order of names) made another one; its name NULL: left out.
static void write_changed(fixture *f, nn_module *module, size_t index, const vkn_safetensor *changed) {
    nn_weights_save(module, "good");
    assert_true(nn_ok(f->device));
    vkn_safetensors file;
    vkn_safetensors_error error;
    assert_int_equal(vkn_safetensors_load("good", &file, &error), VKN_OK);
    vkn_safetensor tensors[TENSORS];
    size_t count = 0;
    for (size_t i = 0; i < file.count; i++) {
        if (i == index && !changed->name) continue;
        tensors[count++] = i == index ? *changed : file.tensors[i];
    }
    assert_int_equal(vkn_safetensors_save("bad", tensors, count, &error), VKN_OK);
    vkn_safetensors_free(&file);
}

static void test_mistakes(void **state) {
    fixture *f = *state;
    static const float zeros_of_all[32] = {0};
    static const struct {
        size_t index;
        vkn_safetensor tensor;
        const char *text;
    } mistakes[] = {
        {0, {.name = NULL}, "bad: Missing key(s) in state_dict: \"0.bias\""},
        {0,
         {.name = "0.bias", .dtype = VKN_SAFETENSORS_F32, .rank = 1, .shape = {7}, .bytes = 28},
         "size mismatch for 0.bias: copying a param with shape [7] from checkpoint, the shape in current model is "
         "[6]."},
        {1,
         {.name = "0.weight", .dtype = VKN_SAFETENSORS_F32, .rank = 2, .shape = {5, 6}, .bytes = 120},
         "size mismatch for 0.weight: copying a param with shape [5, 6] from checkpoint, the shape in current model is "
         "[6, 5]."},
        {3,
         {.name = "1.num_batches_tracked", .dtype = VKN_SAFETENSORS_I64, .rank = 1, .shape = {1}, .bytes = 8},
         "shape [1] from checkpoint, the shape in current model is []."},
        {8,
         {.name = "2.weight", .dtype = VKN_SAFETENSORS_F16, .rank = 2, .shape = {3, 6}, .bytes = 36},
         "dtype mismatch for 2.weight: F16 in the file, must be F32"},
    };
    nn_module *one = warm_network_create(f, OUT), *two = network_create(f, OUT);
    contents before = contents_read(f, two);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        vkn_safetensor changed = mistakes[i].tensor;
        changed.data = zeros_of_all;
        write_changed(f, one, mistakes[i].index, &changed);
        nn_weights_load(two, "bad", NULL);
        assert_failure(f, VKN_BAD_FILE, mistakes[i].text);
    }
    nn_weights_save(one, "good");
    nn_module *shorter = nn_sequential_create(f->device);
    nn_sequential_add(shorter, nn_linear_create(f->device, IN, HIDDEN, &f->random));
    nn_weights_load(shorter, "good", NULL);
    assert_failure(f, VKN_BAD_FILE, "Unexpected key(s) in state_dict: \"1.bias\"");
    nn_weights_load(two, "none", NULL);
    assert_failure(f, VKN_IO, "weights: none: ");
    nn_weights_save(two, "no_folder/good");
    assert_failure(f, VKN_IO, "weights: no_folder/good: ");
    contents after = contents_read(f, two);
    assert_same(&before, &after, TENSORS);
    contents_free(&before);
    contents_free(&after);
    nn_module_destroy(one);
    nn_module_destroy(two);
    nn_module_destroy(shorter);
}

static char folder[] = "/tmp/vknorm-weights-XXXXXX";

static int setup(void **state) {
    return mkdtemp(folder) && chdir(folder) == 0 ? fixture_open(state) : -1;
}

static int teardown(void **state) {
    fixture_close(state);
    unlink("bad");
    unlink("good");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_file),
                                       cmocka_unit_test(test_except), cmocka_unit_test(test_mistakes)};
    return cmocka_run_group_tests_name("nn weights", tests, setup, teardown);
}
