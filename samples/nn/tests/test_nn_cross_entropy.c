// SPDX-License-Identifier: MIT
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "differences.h"
#include "fixture.h"
#include "loss.h"
#include "reference.h"

typedef struct problem {
    uint32_t rows, classes, total;
    const float *z;
    const int64_t *targets;
} problem;

typedef struct answer {
    float loss, right, *dz;
} answer;

static answer ask(fixture *f, const problem *p) {
    const box tz = box_create(f, p->rows, p->classes, p->z), tdz = box_create(f, p->rows, p->classes, NULL);
    const box tloss = box_create(f, 2, 1, NULL), tright = box_create(f, 1, 1, NULL);
    const vkn_tensor with = nn_rows(f->device, &tloss.inside, 0, 1), without = nn_rows(f->device, &tloss.inside, 1, 1);
    const vkn_tensor targets = nn_vector(f->device, NN_FOREVER, VKN_I64, p->rows);
    nn_upload(f->device, &targets, p->targets);
    nn_begin(f->device);
    nn_cross_entropy(f->device, &tz.inside, &targets, p->total, &with, &tright.inside, &tdz.inside);
    nn_cross_entropy(f->device, &tz.inside, &targets, p->total, &without, NULL, NULL);
    submit(f);
    float *loss = box_read(f, &tloss), *right = box_read(f, &tright);
    const answer a = {loss[0], right[0], box_read(f, &tdz)};
    assert_memory_equal(&loss[0], &loss[1], sizeof *loss);
    free(loss);
    free(right);
    return a;
}

// Of what is that large: an exponential has the more roundings the larger its argument is, and so has their sum;
// nothing else is lost, so that small losses and slopes have small errors.
static double relative_tolerance(const double *z, uint32_t classes) {
    double spread = 0;
    for (uint32_t k = 0; k < classes; k++)
        spread = fmax(spread, fabs(z[k] - z[0]));
    return ULP * (16 + 4 * fmin(spread, 88));
}

static void check(fixture *f, const problem *p) {
    answer a = ask(f, p);
    double *z = to_doubles(p->z, (size_t)p->rows * p->classes), *slopes = zeros(p->classes);
    double sum = 0, tolerance = (double)FLT_MIN, right = 0;
    for (uint32_t r = 0; r < p->rows; r++) {
        const double *row = &z[(size_t)r * p->classes], relative = relative_tolerance(row, p->classes);
        const size_t target = (size_t)p->targets[r];
        const double loss = reference_cross_entropy(row, p->classes, target);
        size_t best = 0;
        reference_cross_entropy_slopes(row, p->classes, target, slopes);
        for (uint32_t k = 0; k < p->classes; k++) {
            const size_t at = (size_t)r * p->classes + k;
            const double slope = slopes[k] / p->total;
            assert_near((double)a.dz[at], slope, relative * fabs(slope) + (double)FLT_MIN, "dz", at);
            if (row[k] > row[best]) best = k;
        }
        right += best == target;
        sum += loss;
        tolerance += relative * loss;
    }
    assert_near((double)a.loss, sum / p->total, tolerance / p->total, "loss", 0);
    assert_true((double)a.right == right);
    free(z);
    free(slopes);
    free(a.dz);
}

static int64_t *random_targets(fixture *f, uint32_t rows, uint32_t classes) {
    int64_t *targets = malloc((rows + 1) * sizeof *targets);
    assert_non_null(targets);
    for (uint32_t r = 0; r < rows; r++)
        targets[r] = (int64_t)nn_random_below(&f->random, classes);
    return targets;
}

static void test_sizes(void **state) {
    fixture *f = *state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 10},   {64, 10},   {7, 15},   {8, 16},   {9, 17},
                                        {3, 2}, {100, 65}, {5, 16384}, {1000, 3}, {2, 4001}, {0, 4}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint32_t rows = sizes[i][0], classes = sizes[i][1];
        float *z = random_floats(f, (size_t)rows * classes, 3);
        int64_t *targets = random_targets(f, rows, classes);
        check(f, &(problem){rows, classes, rows + 1, z, targets}); // a share of a batch
        free(z);
        free(targets);
    }
}

// Each by itself, so that a small loss is not lost in a large one; where several are largest, the first counts.
static void test_extremes(void **state) {
    static const float rows[][3] = {{0, 0, 0},       {1, 1, 0},         {0, 1, 1},    {20, 0, 0},
                                    {0, 60, 0},      {-80, 0, -80},     {1e4f, 0, 1}, {-1e30f, 0, 1e30f},
                                    {88, 87, -1e4f}, {1e-8f, 0, -1e-8f}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int64_t target = 0; target < 3; target++)
            check(*state, &(problem){1, 3, 1, rows[i], &target});
    }
}

// What is not a number, or no class, does not look like a loss.
static void test_nan(void **state) {
    fixture *f = *state;
    static const int64_t targets[] = {3, -1, INT64_C(1) << 32, 1};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        for (uint32_t bad = 0; bad < 3; bad++) {
            float z[6] = {1, 2, 3, 4, 5, 6};
            if (targets[i] == 1) z[bad] = NAN;
            answer a = ask(f, &(problem){2, 3, 2, z, (const int64_t[]){targets[i], 2}});
            assert_true(isnan(a.loss));
            for (int k = 0; k < 3; k++) {
                assert_true(isnan(a.dz[k]));
                assert_true(isfinite(a.dz[3 + k]));
            }
            free(a.dz);
        }
    }
}

typedef struct sum_of_losses {
    const problem *p;
    const double *z;
} sum_of_losses;

static double loss_of(const void *user) {
    const sum_of_losses *s = user;
    double sum = 0;
    for (uint32_t r = 0; r < s->p->rows; r++)
        sum += reference_cross_entropy(&s->z[(size_t)r * s->p->classes], s->p->classes, (size_t)s->p->targets[r]);
    return sum / s->p->total;
}

static void test_finite_differences(void **state) {
    fixture *f = *state;
    enum { ROWS = 6, CLASSES = 5 };
    float *z = random_floats(f, (size_t)ROWS * CLASSES, 2);
    int64_t *targets = random_targets(f, ROWS, CLASSES);
    const problem p = {ROWS, CLASSES, ROWS, z, targets};
    answer a = ask(f, &p);
    double *values = to_doubles(z, (size_t)ROWS * CLASSES);
    const sum_of_losses sum = {&p, values};
    const difference_check differences = {loss_of, &sum, 1e-4, 1e-7};
    check_differences(&differences, values, (size_t)ROWS * CLASSES, a.dz, "dz");
    free(z);
    free(targets);
    free(values);
    free(a.dz);
}

// Logits of a sequence [N, T, classes].
static void test_sequence(void **state) {
    fixture *f = *state;
    float z[12] = {0, 1, 2, 0, 0, 0, 5, 0, 0, 0, 3, 0};
    const int64_t classes[] = {2, 1, 0, 0};
    const box tz = box_create(f, 4, 3, z), tloss = box_create(f, 1, 1, NULL), tright = box_create(f, 1, 1, NULL);
    const vkn_tensor targets = nn_tensor_create(f->device, NN_FOREVER, VKN_I64, 2, (const uint32_t[]){2, 2});
    nn_upload(f->device, &targets, classes);
    nn_begin(f->device);
    const vkn_tensor logits = nn_reshape(f->device, &tz.inside, 3, (const uint32_t[]){2, 2, 3});
    nn_cross_entropy(f->device, &logits, &targets, 4, &tloss.inside, &tright.inside, NULL);
    submit(f);
    float *right = box_read(f, &tright), *loss = box_read(f, &tloss);
    double *values = to_doubles(z, 12), sum = 0;
    for (size_t r = 0; r < 4; r++)
        sum += reference_cross_entropy(&values[3 * r], 3, (size_t)classes[r]);
    assert_true(right[0] == 2);
    assert_near((double)loss[0], sum / 4, 16 * ULP * sum, "loss", 0);
    free(values);
    free(right);
    free(loss);
}

static void test_errors(void **state) {
    fixture *f = *state;
    const vkn_tensor z = nn_matrix(f->device, NN_FOREVER, 6, 3), loss = nn_matrix(f->device, NN_FOREVER, 1, 1);
    const vkn_tensor seven = nn_vector(f->device, NN_FOREVER, VKN_I64, 7),
                     floats = nn_matrix(f->device, NN_FOREVER, 6, 1);
    const vkn_tensor wide = nn_matrix(f->device, NN_FOREVER, 7, (1 << 14) + 1);
    nn_begin(f->device);
    nn_cross_entropy(f->device, &z, &seven, 6, &loss, NULL, NULL);
    assert_failure(f, VKN_BAD_ARGUMENT, "logits has 6 rows and 18 elements, targets 7 elements of I64");
    nn_begin(f->device);
    nn_cross_entropy(f->device, &z, &floats, 6, &loss, NULL, NULL);
    assert_failure(f, VKN_BAD_ARGUMENT, "targets 6 elements of another type, expected I64");
    nn_begin(f->device);
    nn_cross_entropy(f->device, &wide, &seven, 6, &loss, NULL, &z);
    assert_failure(f, VKN_BAD_ARGUMENT,
                   "logits has 7 rows and 114695 elements, targets 7 elements of I64, expected "
                   "I64, dlogits 18");
    nn_begin(f->device);
    nn_cross_entropy(f->device, &wide, &seven, 6, &loss, NULL, NULL);
    assert_failure(f, VKN_UNSUPPORTED, "logits has 16385 classes, expected 1 to 16384");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_nan),      cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_sequence), cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests_name("nn cross-entropy", tests, fixture_open, fixture_close);
}
