// SPDX-License-Identifier: MIT
// What works on each element or row: relu, gelu, gather, and the binary cross-entropy.
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "activation.h"
#include "fixture.h"
#include "gather.h"
#include "loss.h"
#include "reference.h"

static void check_relu(fixture *f, uint32_t rows, uint32_t columns) {
    const size_t count = (size_t)rows * columns;
    nn_module *relu = nn_relu_create(f->device);
    float *x = random_floats(f, count, 1), *dy = random_floats(f, count, 1);
    x[0] = 0;
    if (count > 1) x[1] = NAN;
    const box tx = box_create(f, rows, columns, x), tdy = box_create(f, rows, columns, dy);
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(relu, tx.inside), tdx = nn_module_backward(relu, tdy.inside, true);
    submit(f);
    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
    for (size_t i = 0; i < count; i++) {
        if (isnan(x[i])) {
            assert_true(isnan(y[i]));
            continue;
        }
        assert_true(y[i] == (x[i] > 0 ? x[i] : 0));
        assert_true(dx[i] == (x[i] > 0 ? dy[i] : 0));
        if (fabsf(x[i]) > 1e-2f) {
            const double h = 1e-3, above = fmax((double)x[i] + h, 0), below = fmax((double)x[i] - h, 0);
            assert_near((double)dx[i], (double)dy[i] * (above - below) / (2 * h), 1e-6, "dx", i);
        }
    }
    void *all[] = {x, dy, y, dx};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(relu);
}

static void test_relu(void **state) {
    static const uint32_t sizes[][2] = {{1, 1}, {17, 33}, {1, 127}, {1, 128}, {1, 129}, {64, 30}, {1001, 101}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_relu(*state, sizes[i][0], sizes[i][1]);
}

static double reference_gelu(double x) {
    return x * erfc(-x / sqrt(2)) / 2;
}

// What f32 may lose of a probability or density that has the factor exp(-x^2 / 2): that is as good as the rounding of
// its argument, and may be flushed to zero.
static double tail_tolerance(double x, double value) {
    return ULP * value * (12 + 2 * fmin(x * x, 1000)) + (double)FLT_MIN;
}

static void check_gelu(fixture *f, uint32_t count, const float *x, const float *dy) {
    nn_module *gelu = nn_gelu_create(f->device);
    const box tx = box_create(f, count, 1, x), tdy = box_create(f, count, 1, dy);
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(gelu, tx.inside), tdx = nn_module_backward(gelu, tdy.inside, true);
    submit(f);
    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
    for (uint32_t i = 0; i < count; i++) {
        const double at = (double)x[i], value = reference_gelu(at), size = fabs((double)dy[i]), h = 1e-5;
        const double density = exp(-at * at / 2) / sqrt(2 * acos(-1)), slope = erfc(-at / sqrt(2)) / 2 + at * density;
        const double beyond_off = tail_tolerance(at, erfc(fabs(at) / sqrt(2)) / 2);
        const double slope_off = beyond_off + fabs(at) * tail_tolerance(at, density) + 2 * ULP * fabs(slope);
        assert_near((double)y[i], value, fabs(at) * beyond_off + 2 * ULP * fabs(value) + (double)FLT_MIN, "y", i);
        assert_near((double)dx[i], slope * (double)dy[i], size * slope_off + (double)FLT_MIN, "dx", i);
        if (fabs(at) < 100) {
            const double difference = (reference_gelu(at + h) - reference_gelu(at - h)) / (2 * h);
            assert_near((double)dx[i], difference * (double)dy[i], 2e-6 * size, "difference", i);
        }
    }
    free(y);
    free(dx);
    nn_module_destroy(gelu);
}

static void test_gelu(void **state) {
    fixture *f = *state;
    enum { COUNT = 40001 };
    float *x = random_floats(f, COUNT, 1), *dy = random_floats(f, COUNT, 1);
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)i / 1000 - 20; // to 20
    check_gelu(f, COUNT, x, dy);
    static const float extremes[] = {0, -0.0f, 1e-30f, -1e-30f, 1e-8f, 50, -50, 1e4f, -1e4f, 1e30f, -1e30f};
    check_gelu(f, sizeof extremes / sizeof extremes[0], extremes, dy);
    free(x);
    free(dy);
}

// More workgroups than an axis of the grid takes: folded.
static void test_relu_folded(void **state) {
    check_relu(*state, 91, 121);
}

static void test_relu_errors(void **state) {
    fixture *f = *state;
    nn_module *relu = nn_relu_create(f->device);
    const vkn_tensor x = nn_matrix(f->device, NN_FOREVER, 2, 5), dy = nn_matrix(f->device, NN_FOREVER, 2, 4);
    nn_begin(f->device);
    nn_module_forward(relu, x);
    nn_module_backward(relu, dy, true);
    assert_failure(f, VKN_BAD_ARGUMENT, "dy has 8 elements, x has 10");
    nn_module_destroy(relu);
}

// What does not fit the device is refused, with the limit.
static void test_limits(void **state) {
    fixture *f = *state;
    nn_begin(f->device);
    nn_matrix(f->device, NN_STEP, 1, (1 << 20) + 1);
    assert_failure(f, VKN_UNSUPPORTED, "maxStorageBufferRange, 4194304 bytes");
    nn_module *relu = nn_relu_create(f->device);
    const vkn_tensor x = nn_matrix(f->device, NN_FOREVER, 1, 64 * 64 * 128 + 1);
    nn_begin(f->device);
    nn_module_forward(relu, x);
    assert_failure(f, VKN_UNSUPPORTED, "maxComputeWorkGroupCount is 64");
    nn_module_destroy(relu);
}

static void test_gather(void **state) {
    fixture *f = *state;
    enum { ROWS = 9, COLUMNS = 31, PICKED = 14 };
    const int64_t index[PICKED] = {8, 0, 3, 3, 7, 1, 2, 4, 5, 6, 9, -1, INT64_C(1) << 32, 0};
    float *table = random_floats(f, (size_t)ROWS * COLUMNS, 1);
    const box ttable = box_create(f, ROWS, COLUMNS, table);
    const vkn_tensor tindex = nn_vector(f->device, NN_FOREVER, VKN_I64, PICKED);
    nn_upload(f->device, &tindex, index);
    // A view that starts at an odd index.
    const vkn_tensor rest = nn_rows(f->device, &tindex, 1, PICKED - 1);
    nn_begin(f->device);
    const vkn_tensor ty = nn_gather(f->device, &ttable.inside, &rest);
    submit(f);
    float *y = read_tensor(f, &ty);
    for (int r = 0; r < PICKED - 1; r++) {
        const int64_t row = index[r + 1];
        for (int c = 0; c < COLUMNS; c++) {
            const float got = y[r * COLUMNS + c];
            assert_true(row >= 0 && row < ROWS ? got == table[row * COLUMNS + c] : isnan(got));
        }
    }
    free(y);
    free(table);
    nn_begin(f->device);
    nn_gather(f->device, &ttable.inside, &ttable.inside);
    assert_failure(f, VKN_BAD_ARGUMENT, "index has rank 2, expected 1 of I64");
    nn_gather(f->device, &rest, &rest);
    assert_failure(f, VKN_BAD_ARGUMENT, "table has rank 1, expected 2");
}

// Numbers that would not survive as floats, in windows that overlap and in disjoint ones.
static void check_windows(fixture *f, uint32_t stride) {
    enum { COUNT = 23, COLUMNS = 5, PICKED = 5 };
    const int64_t last = (COUNT - COLUMNS) / stride, index[PICKED] = {last, 0, 2, last + 1, -1};
    int64_t values[COUNT], y[PICKED * COLUMNS];
    for (int i = 0; i < COUNT; i++)
        values[i] = i % 2 ? i : -(INT64_C(1) << (2 * i));
    const vkn_tensor tvalues = nn_vector(f->device, NN_FOREVER, VKN_I64, COUNT);
    const vkn_tensor tindex = nn_vector(f->device, NN_FOREVER, VKN_I64, PICKED);
    nn_upload(f->device, &tvalues, values);
    nn_upload(f->device, &tindex, index);
    nn_begin(f->device);
    const vkn_tensor ty = nn_gather_windows(f->device, &tvalues, &tindex, stride, COLUMNS);
    submit(f);
    nn_download(f->device, &ty, y);
    for (int r = 0; r < PICKED; r++) {
        for (int c = 0; c < COLUMNS; c++) {
            const int64_t got = y[r * COLUMNS + c];
            if (index[r] < 0 || index[r] > last) {
                assert_true(got > INT64_C(1) << 32);
            } else {
                assert_int_equal(got, values[stride * index[r] + c]);
            }
        }
    }
}

static void test_gather_windows(void **state) {
    fixture *f = *state;
    check_windows(f, 1);
    check_windows(f, 5);
    const vkn_tensor values = nn_vector(f->device, NN_FOREVER, VKN_I64, 4);
    nn_begin(f->device);
    nn_gather_windows(f->device, &values, &values, 0, 2);
    assert_failure(f, VKN_BAD_ARGUMENT, "values have rank 1, expected 1; stride 0, expected at least 1");
}

// exp(-|z|) on a device is only as good as the rounding of |z| in it; nothing else may be lost.
static double bce_tolerance(double z, double value) {
    return ULP * (8 * fabs(value) + (4 + 2 * fabs(z)) * exp(-fabs(z))) + (double)FLT_MIN;
}

static void check_bce(fixture *f, uint32_t count, uint32_t total, const float *z, const float *t) {
    const box tz = box_create(f, count, 1, z), tt = box_create(f, count, 1, t);
    const box tdz = box_create(f, count, 1, NULL), tloss = box_create(f, 3, 1, NULL);
    const vkn_tensor with = nn_rows(f->device, &tloss.inside, 0, 1), without = nn_rows(f->device, &tloss.inside, 1, 1);
    const vkn_tensor right = nn_rows(f->device, &tloss.inside, 2, 1);
    nn_begin(f->device);
    nn_bce_with_logits(f->device, &tz.inside, &tt.inside, total, &with, &right, &tdz.inside);
    nn_bce_with_logits(f->device, &tz.inside, &tt.inside, total, &without, NULL, NULL);
    submit(f);
    float *loss = box_read(f, &tloss), *dz = box_read(f, &tdz);
    double sum = 0, tolerance = 0;
    uint32_t expected_right = 0;
    for (uint32_t i = 0; i < count; i++) {
        const double rz = (double)z[i], rt = (double)t[i], slope = reference_bce_slope(rz, rt);
        expected_right += (rz > 0) == (rt > 0.5);
        sum += reference_bce(rz, rt);
        tolerance += bce_tolerance(rz, reference_bce(rz, rt));
        assert_near((double)dz[i], slope / total, bce_tolerance(rz, slope) / total, "dz", i);
    }
    assert_near((double)loss[0], sum / total, tolerance / total, "loss", 0);
    assert_true(loss[0] == loss[1]);
    assert_true(loss[2] == (float)expected_right);
    free(loss);
    free(dz);
}

static void test_bce(void **state) {
    fixture *f = *state;
    static const uint32_t counts[] = {1, 2, 5, 127, 128, 129, 1000, 100001, 1 << 22};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        float *z = random_floats(f, counts[i], 3), *t = random_floats(f, counts[i], 1);
        for (uint32_t j = 0; j < counts[i]; j++)
            t[j] = j % 3 ? (float)(t[j] > 0) : fminf(fabsf(t[j]), 1);
        check_bce(f, counts[i], counts[i], z, t);
        check_bce(f, counts[i] / 3, counts[i], z, t); // a share, down to none
        free(z);
        free(t);
    }
}

// Each by itself, so that a small loss is not lost in a large one.
static void test_bce_extremes(void **state) {
    static const float logits[] = {0, 1e-30f, 1e-8f, 1e-3f, 0.5f, 1, 5, 10, 17, 20, 50, 88, 100, 1e4f, 1e30f};
    static const float targets[] = {0, 1, 0.5f, 0.25f};
    for (size_t i = 0; i < sizeof logits / sizeof logits[0]; i++) {
        for (size_t j = 0; j < sizeof targets / sizeof targets[0]; j++) {
            const float minus = -logits[i];
            check_bce(*state, 1, 1, &logits[i], &targets[j]);
            check_bce(*state, 1, 1, &minus, &targets[j]);
        }
    }
}

// The slope on the device against finite differences of the reference's loss.
static void test_bce_finite_differences(void **state) {
    fixture *f = *state;
    enum { COUNT = 50 };
    float *z = random_floats(f, COUNT, 3), t[COUNT];
    for (int i = 0; i < COUNT; i++)
        t[i] = (float)(i % 5) / 4;
    const box tz = box_create(f, COUNT, 1, z), tt = box_create(f, COUNT, 1, t);
    const box tdz = box_create(f, COUNT, 1, NULL), tloss = box_create(f, 1, 1, NULL);
    nn_begin(f->device);
    nn_bce_with_logits(f->device, &tz.inside, &tt.inside, COUNT, &tloss.inside, NULL, &tdz.inside);
    submit(f);
    float *dz = box_read(f, &tdz);
    for (size_t i = 0; i < COUNT; i++) {
        const double h = 1e-4, at = (double)z[i], target = (double)t[i];
        const double slope = (reference_bce(at + h, target) - reference_bce(at - h, target)) / (2 * h);
        assert_near((double)dz[i], slope / COUNT, 1e-7, "dz", i);
    }
    free(z);
    free(dz);
}

static void test_bce_errors(void **state) {
    fixture *f = *state;
    const vkn_tensor z = nn_matrix(f->device, NN_FOREVER, 6, 1), t = nn_matrix(f->device, NN_FOREVER, 7, 1);
    nn_begin(f->device);
    nn_bce_with_logits(f->device, &z, &t, 6, &z, NULL, NULL);
    assert_failure(f, VKN_BAD_ARGUMENT, "logits has 6 elements, targets 7");
    const vkn_tensor many = nn_matrix(f->device, NN_FOREVER, (1 << 22) + 1, 1);
    nn_begin(f->device);
    nn_bce_with_logits(f->device, &many, &many, (1 << 22) + 1, &z, NULL, NULL);
    assert_failure(f, VKN_UNSUPPORTED, "logits has 4194305 elements, at most 4194304");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relu),           cmocka_unit_test(test_relu_errors),
        cmocka_unit_test(test_gelu),           cmocka_unit_test(test_gather),
        cmocka_unit_test(test_gather_windows), cmocka_unit_test(test_bce),
        cmocka_unit_test(test_bce_extremes),   cmocka_unit_test(test_bce_finite_differences),
        cmocka_unit_test(test_bce_errors),
    };
    const struct CMUnitTest limited[] = {cmocka_unit_test(test_relu_folded), cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests_name("nn elements", tests, fixture_open, fixture_close) +
           cmocka_run_group_tests_name("nn limits", limited, fixture_open_limited, fixture_close);
}
