// SPDX-License-Identifier: MIT
#include "last_step.h"

#include <stdlib.h>

#include "fixture.h"

typedef struct size {
    uint32_t batch, steps, width;
} size;

// All that is computed is copied, so all of it is exact; and as y is linear in x, so are its differences.
static void check(fixture *f, const size *s) {
    nn_module *last = nn_last_step_create(f->device);
    assert_non_null(last);
    const size_t count = (size_t)s->batch * s->steps * s->width;
    float *x = random_floats(f, count, 1), *dy = random_floats(f, (size_t)s->batch * s->width, 1);
    const box tx = box_create(f, s->batch * s->steps, s->width, x), tdy = box_create(f, s->batch, s->width, dy);
    nn_begin(f->device);
    const vkn_tensor sequence = nn_reshape(f->device, &tx.inside, 3, (const uint32_t[]){s->batch, s->steps, s->width});
    const vkn_tensor ty = nn_module_forward(last, sequence), tdx = nn_module_backward(last, tdy.inside, true);
    assert_null(nn_module_backward(last, tdy.inside, false).buffer);
    submit(f);
    assert_int_equal(ty.rank, 2);
    assert_int_equal(ty.shape[0], s->batch);
    assert_int_equal(tdx.rank, 3);
    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
    for (size_t i = 0; i < count; i++) {
        const size_t row = i / s->width, at = row / s->steps * s->width + i % s->width;
        const bool is_last = row % s->steps == s->steps - 1;
        if (is_last) assert_true(y[at] == x[i]);
        assert_true(dx[i] == (is_last ? dy[at] : 0));
    }
    void *all[] = {x, dy, y, dx};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(last);
}

static void test_last_step(void **state) {
    static const size sizes[] = {{1, 1, 1}, {3, 1, 5}, {1, 7, 3}, {5, 8, 33}, {65, 3, 129}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check(*state, &sizes[i]);
}

static void test_errors(void **state) {
    fixture *f = *state;
    nn_module *last = nn_last_step_create(f->device);
    nn_begin(f->device);
    assert_null(nn_module_forward(last, nn_matrix(f->device, NN_STEP, 2, 3)).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "x has rank 2 and 3 steps, expected rank 3 and 1 or more");
    static const uint32_t empty[] = {2, 0, 4}, shape[] = {2, 5, 4};
    nn_begin(f->device);
    assert_null(nn_module_forward(last, nn_tensor_create(f->device, NN_STEP, VKN_F32, 3, empty)).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "x has rank 3 and 0 steps");
    nn_begin(f->device);
    const vkn_tensor x = nn_tensor_create(f->device, NN_STEP, VKN_F32, 3, shape);
    nn_module_forward(last, x);
    assert_null(nn_module_backward(last, x, true).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "dy has 40 elements, y has 8");
    nn_module_destroy(last);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_last_step), cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests_name("nn last step", tests, fixture_open, fixture_close);
}
