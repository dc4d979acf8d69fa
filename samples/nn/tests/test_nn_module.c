// SPDX-License-Identifier: MIT
// What goes for modules of any kind: names, and freezing.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "fixture.h"
#include "linear.h"
#include "norm.h"
#include "optimizer.h"
#include "sequential.h"

enum { N = 8, IN = 5, HIDDEN = 6, OUT = 2 };

// Linear - batch norm - ReLU, then a chain of linear and rms norm.
static nn_module *network_create(fixture *f) {
    const vkn_layer_info batch = vkn_layer_defaults(VKN_BATCH, HIDDEN), rms = vkn_layer_defaults(VKN_RMS, OUT);
    nn_module *module = nn_sequential_create(f->device), *head = nn_sequential_create(f->device);
    nn_sequential_add(module, nn_linear_create(f->device, IN, HIDDEN, &f->random));
    nn_sequential_add(module, nn_norm_create(f->device, &batch));
    nn_sequential_add(module, nn_relu_create(f->device));
    nn_sequential_add(head, nn_linear_create(f->device, HIDDEN, OUT, &f->random));
    nn_sequential_add(head, nn_norm_create(f->device, &rms));
    nn_sequential_add(module, head);
    assert_true(nn_ok(f->device));
    return module;
}

typedef struct visited {
    char text[512];
} visited;

static void visit(void *user, const char *name, const nn_parameter *parameter) {
    visited *v = user;
    const size_t length = strlen(v->text);
    snprintf(&v->text[length], sizeof v->text - length, "%s%s ", name, parameter->grad.buffer ? "" : "*");
}

static void test_names(void **state) {
    nn_module *module = network_create(*state);
    visited all = {""}, trained = {""};
    nn_module_state(module, visit, &all);
    assert_string_equal(all.text, "0.weight 0.bias 1.weight 1.bias 1.running_mean* 1.running_var* "
                                  "1.num_batches_tracked* 3.0.weight 3.0.bias 3.1.weight ");
    nn_module_parameters(module, visit, &trained);
    assert_string_equal(trained.text, "0.weight 0.bias 1.weight 1.bias 3.0.weight 3.0.bias 3.1.weight ");
    nn_module_destroy(module);
}

static void test_long_name(void **state) {
    fixture *f = *state;
    nn_module *module = nn_linear_create(f->device, 1, 1, &f->random);
    for (int i = 0; i < 61; i++) {
        nn_module *outer = nn_sequential_create(f->device);
        nn_sequential_add(outer, module);
        module = outer;
    }
    visited all = {""};
    nn_module_state(module, visit, &all);
    assert_failure(f, VKN_UNSUPPORTED, "0.0.weight has 128 characters, at most 127");
    nn_module_destroy(module);
}

typedef struct bottom {
    nn_module *linear, *norm;
} bottom;

static void find_bottom(void *user, const char *name, nn_module *child) {
    bottom *found = user;
    if (strcmp(name, "0") == 0) found->linear = child;
    if (strcmp(name, "1") == 0) found->norm = child;
}

// What is frozen gets no gradients, moves no statistics, and is passed over by optimizers; the rest is trained as
// before.
static void test_freeze(void **state) {
    fixture *f = *state;
    nn_module *module = network_create(f);
    bottom frozen = {NULL, NULL};
    nn_module_children(module, find_bottom, &frozen);
    nn_module_freeze(frozen.linear, true);
    nn_module_freeze(frozen.norm, true);
    visited trained = {""};
    nn_module_parameters(module, visit, &trained);
    assert_string_equal(trained.text, "3.0.weight 3.0.bias 3.1.weight ");

    const parameter_list lower = list_state(frozen.linear), norm = list_state(frozen.norm);
    float *marks = random_floats(f, (size_t)HIDDEN * IN, 1);
    nn_upload(f->device, &lower.items[0].grad, marks);
    float *x = random_floats(f, (size_t)N * IN, 1), *dy = random_floats(f, (size_t)N * OUT, 1);
    const box tx = box_create(f, N, IN, x), tdy = box_create(f, N, OUT, dy);
    vkn_tensor outputs[2][2]; // y and dx, of all records and of the first half: eval statistics do not tell them apart
    nn_begin(f->device);
    for (uint32_t turn = 0; turn < 2; turn++) {
        const vkn_tensor some_x = nn_rows(f->device, &tx.inside, 0, N / (turn + 1));
        const vkn_tensor some_dy = nn_rows(f->device, &tdy.inside, 0, N / (turn + 1));
        outputs[turn][0] = nn_module_forward(module, some_x);
        outputs[turn][1] = nn_module_backward(module, some_dy, true);
    }
    assert_null(nn_module_backward(module, nn_rows(f->device, &tdy.inside, 0, N / 2), false).buffer);
    submit(f);
    for (int i = 0; i < 2; i++) {
        float *all = read_tensor(f, &outputs[0][i]), *half = read_tensor(f, &outputs[1][i]);
        for (uint32_t j = 0; j < vkn_tensor_count(&outputs[1][i]); j++)
            assert_near((double)half[j], (double)all[j], 1e-6, i ? "dx" : "y", j);
        free(all);
        free(half);
    }
    float *grad = read_tensor(f, &lower.items[0].grad), *running_mean = read_any(f, &norm.items[2].value);
    assert_memory_equal(grad, marks, sizeof *marks * HIDDEN * IN);
    for (int i = 0; i < HIDDEN; i++)
        assert_true(running_mean[i] == 0);

    nn_module_freeze(module, false);
    nn_begin(f->device);
    nn_module_forward(module, tx.inside);
    nn_module_backward(module, tdy.inside, false);
    submit(f);
    float *moved = read_any(f, &norm.items[2].value), *grad_then = read_tensor(f, &lower.items[0].grad);
    assert_true(fabsf(moved[0]) > 0);
    assert_memory_not_equal(grad_then, marks, sizeof *marks * HIDDEN * IN);
    void *all[] = {marks, x, dy, grad, running_mean, moved, grad_then};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(module);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_long_name),
                                       cmocka_unit_test(test_freeze)};
    return cmocka_run_group_tests_name("nn module", tests, fixture_open, fixture_close);
}
