// SPDX-License-Identifier: MIT
// The optimizers against their equations in double.
#include "optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "linear.h"
#include "reference.h"

enum { IN = 33, OUT = 7, STEPS = 24, PARAMETERS = 2 };

typedef struct trial {
    const nn_adam_info *adam; // NULL: sgd
    const nn_sgd_info *sgd;
    double deviation; // of the gradients
    int repeats;      // each command buffer is submitted that often: the count of steps must come from the device
    double move;      // how far a step moves a value, about
} trial;

// One parameter as it should be.
typedef struct expected {
    double *values, *first, *second; // second: adam's
    size_t count;
    reference_adam adam;
    reference_sgd sgd;
} expected;

static expected expected_create(fixture *f, const trial *t, const nn_parameter *parameter) {
    expected e = {.count = vkn_tensor_count(&parameter->value)};
    float *start = read_tensor(f, &parameter->value);
    e.values = to_doubles(start, e.count);
    e.first = zeros(e.count);
    e.second = zeros(e.count);
    if (t->adam) {
        e.adam = (reference_adam){.lr = t->adam->lr,
                                  .beta1 = t->adam->beta1,
                                  .beta2 = t->adam->beta2,
                                  .eps = t->adam->eps,
                                  .weight_decay = t->adam->weight_decay,
                                  .m = e.first,
                                  .v = e.second};
    } else {
        e.sgd = (reference_sgd){t->sgd->lr, t->sgd->momentum, t->sgd->weight_decay, e.first};
    }
    free(start);
    return e;
}

// Gives the device a gradient, and takes the steps with it in double.
static void expected_step(fixture *f, const trial *t, const nn_parameter *parameter, expected *e) {
    float *grad = random_floats(f, e->count, t->deviation);
    double *rgrad = to_doubles(grad, e->count);
    nn_upload(f->device, &parameter->grad, grad);
    for (int i = 0; i < t->repeats; i++) {
        if (t->adam) {
            reference_adam_step(&e->adam, rgrad, e->values, e->count);
        } else {
            reference_sgd_step(&e->sgd, rgrad, e->values, e->count);
        }
    }
    free(grad);
    free(rgrad);
}

static void check(fixture *f, const trial *t) {
    nn_module *linear = nn_linear_create(f->device, IN, OUT, &f->random);
    nn_optimizer *optimizer = t->adam ? nn_adam_create(linear, t->adam) : nn_sgd_create(linear, t->sgd);
    assert_non_null(optimizer);
    const parameter_list list = list_parameters(linear);
    assert_int_equal(list.count, PARAMETERS);
    expected e[PARAMETERS];
    for (int p = 0; p < PARAMETERS; p++)
        e[p] = expected_create(f, t, &list.items[p]);
    for (int step = 0; step < STEPS; step += t->repeats) {
        for (int p = 0; p < PARAMETERS; p++)
            expected_step(f, t, &list.items[p], &e[p]);
        nn_begin(f->device);
        nn_optimizer_step(optimizer);
        for (int i = 0; i < t->repeats; i++)
            submit(f);
        for (int p = 0; p < PARAMETERS; p++) {
            float *got = read_tensor(f, &list.items[p].value);
            // What a step moves a value by has its own errors, and the value, which stays below 1, is rounded once.
            const double tolerance = (step + t->repeats) * (16 * ULP * t->move + ULP / 2);
            for (size_t i = 0; i < e[p].count; i++)
                assert_near((double)got[i], e[p].values[i], tolerance, "value", i);
            free(got);
        }
    }
    for (int p = 0; p < PARAMETERS; p++) {
        free(e[p].values);
        free(e[p].first);
        free(e[p].second);
    }
    nn_optimizer_destroy(optimizer);
    nn_module_destroy(linear);
}

static void test_adam(void **state) {
    const nn_adam_info info = nn_adam_defaults();
    const nn_adam_info fast = {.lr = 0.05, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-3};
    check(*state, &(trial){.adam = &info, .deviation = 1, .repeats = 1, .move = info.lr});
    check(*state, &(trial){.adam = &info, .deviation = 1e-4, .repeats = 1, .move = info.lr});
    check(*state, &(trial){.adam = &info, .deviation = 1e4, .repeats = 3, .move = info.lr});
    check(*state, &(trial){.adam = &fast, .deviation = 1, .repeats = 2, .move = fast.lr});
}

// The decay does not go through the moments: it is the same for small gradients and for large ones.
static void test_adamw(void **state) {
    nn_adam_info info = nn_adam_defaults();
    info.weight_decay = 0.01;
    check(*state, &(trial){.adam = &info, .deviation = 1, .repeats = 1, .move = info.lr});
    info.weight_decay = 10;
    check(*state, &(trial){.adam = &info, .deviation = 1e-4, .repeats = 2, .move = info.lr});
}

static void test_sgd(void **state) {
    const nn_sgd_info plain = {.lr = 0.01}, momentum = {.lr = 0.01, .momentum = 0.9};
    const nn_sgd_info decay = {.lr = 0.01, .momentum = 0.5, .weight_decay = 0.1};
    check(*state, &(trial){.sgd = &plain, .deviation = 1, .repeats = 1, .move = 0.01});
    check(*state, &(trial){.sgd = &momentum, .deviation = 0.3, .repeats = 1, .move = 0.03});
    check(*state, &(trial){.sgd = &decay, .deviation = 1, .repeats = 2, .move = 0.02});
}

// What is frozen when the optimizer is made stays as it is.
static void test_frozen(void **state) {
    fixture *f = *state;
    nn_module *linear = nn_linear_create(f->device, IN, OUT, &f->random);
    const parameter_list list = list_parameters(linear);
    float *before = read_tensor(f, &list.items[0].value);
    nn_zero(f->device, &list.items[0].grad);
    nn_module_freeze(linear, true);
    const nn_sgd_info info = {.lr = 1, .weight_decay = 0.1};
    nn_optimizer *sgd = nn_sgd_create(linear, &info);
    assert_non_null(sgd);
    assert_int_equal(sgd->count, 0);
    nn_begin(f->device);
    nn_optimizer_step(sgd);
    submit(f);
    float *after = read_tensor(f, &list.items[0].value);
    assert_memory_equal(before, after, sizeof *before * IN * OUT);
    free(before);
    free(after);
    nn_optimizer_destroy(sgd);
    nn_module_destroy(linear);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_adam), cmocka_unit_test(test_adamw),
                                       cmocka_unit_test(test_sgd), cmocka_unit_test(test_frozen)};
    return cmocka_run_group_tests_name("nn optimizer", tests, fixture_open, fixture_close);
}
