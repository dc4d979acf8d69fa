// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dropout.h"
#include "fixture.h"

// Philox4x32-10, from the paper's description: ten rounds, the key raised between them.
static void reference_philox(uint32_t counter[4], uint64_t key) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int turn = 0; turn < 10; turn++) {
        const uint64_t left = (uint64_t)0xd2511f53 * counter[0], right = (uint64_t)0xcd9e8d57 * counter[2];
        const uint32_t next[4] = {(uint32_t)(right >> 32) ^ counter[1] ^ k0, (uint32_t)right,
                                  (uint32_t)(left >> 32) ^ counter[3] ^ k1, (uint32_t)left};
        memcpy(counter, next, sizeof next);
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
}

// The vectors that the authors give with their implementation.
static void test_reference(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4];
        uint64_t key;
        uint32_t expected[4];
    } known[] = {
        {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         UINT64_MAX,
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         0x299f31d0a4093822,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t counter[4];
        memcpy(counter, known[i].counter, sizeof counter);
        reference_philox(counter, known[i].key);
        assert_memory_equal(counter, known[i].expected, sizeof counter);
    }
}

static float reference_mask(double p, uint64_t seed, uint32_t rank, uint64_t step, uint32_t element) {
    uint32_t counter[4] = {element / 4, rank, (uint32_t)step, (uint32_t)(step >> 32)};
    reference_philox(counter, seed);
    return counter[element % 4] < (uint32_t)(p * 0x1p32) ? 0.0f : (float)(1 / (1 - p));
}

static void second_place(void *user, uint32_t *rank, uint32_t *ranks) {
    *rank = *(uint32_t *)user;
    *ranks = 4;
}

// Three steps: the first, the same command buffer again, and another one.
static void check_dropout(fixture *f, double p, uint32_t rank, uint32_t rows, uint32_t columns) {
    enum { SEED = 7 };
    const uint64_t seed = nn_random_next(&(nn_random){SEED});
    const uint32_t count = rows * columns;
    nn_module *dropout = nn_dropout_create(f->device, p, &(nn_random){SEED});
    assert_non_null(dropout);
    const vkn_communicator communicator = {.place = second_place, .user = &rank};
    if (rank > 0) nn_module_synchronize(dropout, &communicator);
    float *x = random_floats(f, count, 1), *dy = random_floats(f, count, 1);
    const box tx = box_create(f, rows, columns, x), tdy = box_create(f, rows, columns, dy);
    vkn_tensor ty = {0}, tdx = {0};
    for (uint64_t step = 1; step <= 3; step++) {
        if (step != 2) {
            nn_begin(f->device);
            ty = nn_module_forward(dropout, tx.inside);
            tdx = nn_module_backward(dropout, tdy.inside, true);
            assert_null(nn_module_backward(dropout, tdy.inside, false).buffer);
        }
        submit(f);
        float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
        for (uint32_t i = 0; i < count; i++) {
            const float mask = reference_mask(p, seed, rank, step, i);
            assert_true(y[i] == x[i] * mask);
            assert_true(dx[i] == dy[i] * mask);
        }
        free(y);
        free(dx);
    }
    free(x);
    free(dy);
    nn_module_destroy(dropout);
}

static void test_dropout(void **state) {
    static const uint32_t sizes[][2] = {{1, 1}, {1, 3}, {1, 4}, {1, 5}, {17, 33}, {1, 511}, {1, 512}, {1, 513}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_dropout(*state, 0.5, 0, sizes[i][0], sizes[i][1]);
        check_dropout(*state, 0.1, 3, sizes[i][0], sizes[i][1]);
    }
}

// Of many elements a fraction p is dropped; those of two steps have nothing to do with each other.
static void test_frequency(void **state) {
    fixture *f = *state;
    enum { COUNT = 200000 };
    static const double probabilities[] = {0.1, 0.5, 0.9};
    float *x = random_floats(f, COUNT, 0);
    for (int i = 0; i < COUNT; i++)
        x[i] = 1;
    const box tx = box_create(f, COUNT, 1, x);
    for (int k = 0; k < 3; k++) {
        const double p = probabilities[k];
        nn_module *dropout = nn_dropout_create(f->device, p, &f->random);
        nn_begin(f->device);
        const vkn_tensor t1 = nn_module_forward(dropout, tx.inside), t2 = nn_module_forward(dropout, tx.inside);
        submit(f);
        float *y1 = read_tensor(f, &t1), *y2 = read_tensor(f, &t2);
        int dropped = 0, both = 0;
        for (int i = 0; i < COUNT; i++) {
            dropped += y1[i] == 0;
            both += y1[i] == 0 && y2[i] == 0;
        }
        // Five standard deviations.
        assert_near(dropped, p * COUNT, 5 * sqrt(COUNT * p * (1 - p)), "dropped", 0);
        assert_near(both, p * p * COUNT, 5 * sqrt(COUNT * p * p * (1 - p * p)), "dropped twice", 0);
        free(y1);
        free(y2);
        nn_module_destroy(dropout);
    }
    free(x);
}

static void test_identity_and_all(void **state) {
    fixture *f = *state;
    enum { COUNT = 5 };
    const float x[COUNT] = {1, -2, 3, 4, NAN};
    const box tx = box_create(f, COUNT, 1, x);
    static const double probabilities[] = {0, 0.5, 1};
    for (int k = 0; k < 3; k++) {
        nn_module *dropout = nn_dropout_create(f->device, probabilities[k], &f->random);
        nn_module_train(dropout, k != 1); // eval with 0.5
        nn_begin(f->device);
        const vkn_tensor ty = nn_module_forward(dropout, tx.inside);
        const vkn_tensor tdx = nn_module_backward(dropout, tx.inside, true);
        submit(f);
        float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
        for (int i = 0; i < COUNT - 1; i++) {
            assert_true(y[i] == (k < 2 ? x[i] : 0));
            assert_true(dx[i] == (k < 2 ? x[i] : 0));
        }
        assert_true(isnan(y[COUNT - 1])); // stays visible
        free(y);
        free(dx);
        nn_module_destroy(dropout);
    }
}

static void test_errors(void **state) {
    fixture *f = *state;
    assert_null(nn_dropout_create(f->device, -0.1, &f->random));
    assert_failure(f, VKN_BAD_ARGUMENT, "dropout probability has to be between 0 and 1, but got -0.1");
    assert_null(nn_dropout_create(f->device, 1.5, &f->random));
    assert_failure(f, VKN_BAD_ARGUMENT, "but got 1.5");
    assert_null(nn_dropout_create(f->device, NAN, &f->random));
    assert_failure(f, VKN_BAD_ARGUMENT, "between 0 and 1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),        cmocka_unit_test(test_dropout), cmocka_unit_test(test_frequency),
        cmocka_unit_test(test_identity_and_all), cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests_name("nn dropout", tests, fixture_open, fixture_close);
}
