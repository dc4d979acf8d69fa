// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "linear.h"
#include "matmul.h"
#include "reference.h"

typedef struct size {
    uint32_t rows, columns, depth; // linear: records, out, in
} size;

static const size SIZES[] = {{1, 1, 1},    {17, 33, 5},   {64, 30, 64},  {32, 32, 16},  {33, 31, 17},
                             {1, 64, 30},  {5, 1, 100},   {3, 7, 1000},  {65, 129, 15}, {2, 3, 5000},
                             {200, 1, 32}, {455, 64, 30}, {1, 1, 40000}, {4, 4, 0}};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

static void check_product(const reference_product *p, const float *got, const char *what) {
    const size_t count = p->rows * p->columns;
    double *expected = zeros(count), *sizes = zeros(count);
    reference_matmul(p, expected, sizes);
    // Sixteen products in a row, then the sums of those: the random walk of roundings stays below this.
    for (size_t i = 0; i < count; i++)
        assert_near((double)got[i], expected[i], 4 * ULP * sizes[i], what, i);
    free(expected);
    free(sizes);
}

static void check_matmul(fixture *f, const size *s, bool transpose_a, bool transpose_b, bool has_bias) {
    float *a = random_floats(f, (size_t)s->rows * s->depth, 1), *b = random_floats(f, (size_t)s->depth * s->columns, 1);
    float *bias = random_floats(f, s->columns, 1);
    const box ta = transpose_a ? box_create(f, s->depth, s->rows, a) : box_create(f, s->rows, s->depth, a);
    const box tb = transpose_b ? box_create(f, s->columns, s->depth, b) : box_create(f, s->depth, s->columns, b);
    const box tbias = box_create(f, s->columns, 1, bias), tc = box_create(f, s->rows, s->columns, NULL);
    nn_begin(f->device);
    nn_matmul(f->device, &(nn_matmul_args){.a = ta.inside,
                                           .b = tb.inside,
                                           .bias = has_bias ? tbias.inside : (vkn_tensor){0},
                                           .c = tc.inside,
                                           .transpose_a = transpose_a,
                                           .transpose_b = transpose_b});
    submit(f);
    float *c = box_read(f, &tc);
    double *da = to_doubles(a, (size_t)s->rows * s->depth), *db = to_doubles(b, (size_t)s->depth * s->columns);
    double *dbias = to_doubles(bias, s->columns);
    const reference_product p = {s->rows,     s->columns, s->depth, transpose_a,
                                 transpose_b, da,         db,       has_bias ? dbias : NULL};
    check_product(&p, c, "c");
    void *all[] = {a, b, bias, c, da, db, dbias};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static void test_matmul(void **state) {
    for (int i = 0; i < SIZE_COUNT; i++) {
        for (int variant = 0; variant < 8; variant++) {
            check_matmul(*state, &SIZES[i], variant & 1, variant & 2, variant & 4);
        }
    }
}

static void check_linear(fixture *f, const size *s) {
    const uint32_t n = s->rows, out = s->columns, in = s->depth;
    nn_module *linear = nn_linear_create(f->device, in, out, &f->random);
    assert_non_null(linear);
    const parameter_list parameters = list_parameters(linear);
    assert_int_equal(parameters.count, 2);
    float *x = random_floats(f, (size_t)n * in, 1), *dy = random_floats(f, (size_t)n * out, 1);
    const box tx = box_create(f, n, in, x), tdy = box_create(f, n, out, dy);
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(linear, tx.inside);
    const vkn_tensor tdx = nn_module_backward(linear, tdy.inside, true);
    submit(f);

    float *w = read_tensor(f, &parameters.items[0].value), *b = read_tensor(f, &parameters.items[1].value);
    const vkn_tensor outputs[] = {ty, tdx, parameters.items[0].grad, parameters.items[1].grad};
    float *got[4];
    for (int i = 0; i < 4; i++)
        got[i] = read_tensor(f, &outputs[i]);
    double *rx = to_doubles(x, (size_t)n * in), *rdy = to_doubles(dy, (size_t)n * out);
    double *rw = to_doubles(w, (size_t)out * in), *rb = to_doubles(b, out), *ones = zeros(n);
    for (uint32_t i = 0; i < n; i++)
        ones[i] = 1;
    const reference_product products[] = {
        {.rows = n, .columns = out, .depth = in, .transpose_b = 1, .a = rx, .b = rw, .bias = rb},
        {.rows = n, .columns = in, .depth = out, .a = rdy, .b = rw},
        {.rows = out, .columns = in, .depth = n, .transpose_a = 1, .a = rdy, .b = rx},
        {.rows = 1, .columns = out, .depth = n, .a = ones, .b = rdy},
    };
    static const char *const names[] = {"y", "dx", "dweight", "dbias"};
    for (int i = 0; i < 4; i++)
        check_product(&products[i], got[i], names[i]);

    void *all[] = {x, dy, w, b, rx, rdy, rw, rb, ones, got[0], got[1], got[2], got[3]};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(linear);
}

static void test_linear(void **state) {
    for (int i = 0; i < SIZE_COUNT; i++)
        check_linear(*state, &SIZES[i]);
}

// The sums of the columns of many rows, whose chain of additions must stay short.
static void test_long_sums(void **state) {
    check_linear(*state, &(size){60001, 3, 2});
}

static double weighted_output(const reference_product *p, const double *dy) {
    double *y = zeros(p->rows * p->columns), sum = 0;
    reference_matmul(p, y, NULL);
    for (size_t i = 0; i < p->rows * p->columns; i++)
        sum += y[i] * dy[i];
    free(y);
    return sum;
}

// The gradients on the device against finite differences of the reference's forward, of sum(y * dy).
static void test_linear_finite_differences(void **state) {
    fixture *f = *state;
    enum { N = 3, IN = 4, OUT = 5 };
    nn_module *linear = nn_linear_create(f->device, IN, OUT, &f->random);
    const parameter_list parameters = list_parameters(linear);
    float *x = random_floats(f, (size_t)N * IN, 1), *dy = random_floats(f, (size_t)N * OUT, 1);
    const box tx = box_create(f, N, IN, x), tdy = box_create(f, N, OUT, dy);
    nn_begin(f->device);
    nn_module_forward(linear, tx.inside);
    const vkn_tensor dx = nn_module_backward(linear, tdy.inside, true);
    submit(f);
    float *w = read_tensor(f, &parameters.items[0].value), *b = read_tensor(f, &parameters.items[1].value);
    double *rx = to_doubles(x, (size_t)N * IN), *rw = to_doubles(w, (size_t)OUT * IN), *rb = to_doubles(b, OUT);
    double *rdy = to_doubles(dy, (size_t)N * OUT);
    const reference_product p = {N, OUT, IN, 0, 1, rx, rw, rb};
    const struct {
        double *values;
        size_t count;
        vkn_tensor grad;
    } inputs[] = {{rx, (size_t)N * IN, dx},
                  {rw, (size_t)OUT * IN, parameters.items[0].grad},
                  {rb, OUT, parameters.items[1].grad}};
    for (int i = 0; i < 3; i++) {
        float *grad = read_tensor(f, &inputs[i].grad);
        for (size_t j = 0; j < inputs[i].count; j++) {
            const double value = inputs[i].values[j], h = 1e-3;
            inputs[i].values[j] = value + h;
            const double above = weighted_output(&p, rdy);
            inputs[i].values[j] = value - h;
            const double below = weighted_output(&p, rdy);
            inputs[i].values[j] = value;
            assert_near((double)grad[j], (above - below) / (2 * h), 1e-5, "gradient", j);
        }
        free(grad);
    }
    void *all[] = {x, dy, w, b, rx, rw, rb, rdy};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(linear);
}

// As torch.nn.Linear: uniform in +-1 / sqrt(in), the same for the same seed.
static void test_linear_start(void **state) {
    fixture *f = *state;
    float *first = NULL;
    for (int turn = 0; turn < 2; turn++) {
        nn_module *linear = nn_linear_create(f->device, 25, 400, &(nn_random){7});
        const parameter_list parameters = list_parameters(linear);
        float *w = read_tensor(f, &parameters.items[0].value);
        double square = 0;
        for (int i = 0; i < 10000; i++) {
            assert_true(fabsf(w[i]) <= 0.2f);
            square += (double)w[i] * (double)w[i];
        }
        assert_near(square / 10000, 0.04 / 3, 0.0005, "variance", 0);
        if (first) assert_memory_equal(first, w, 10000 * sizeof *w);
        if (first) free(w);
        if (!first) first = w;
        nn_module_destroy(linear);
    }
    free(first);
}

static void test_linear_errors(void **state) {
    fixture *f = *state;
    nn_module *linear = nn_linear_create(f->device, 4, 3, &f->random);
    const vkn_tensor wrong = nn_matrix(f->device, NN_FOREVER, 2, 5), x = nn_matrix(f->device, NN_FOREVER, 2, 4);
    nn_begin(f->device);
    assert_null(nn_module_forward(linear, wrong).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "x has rank 2 and 5 features, expected rank 2 or more and 4");
    nn_begin(f->device);
    nn_module_forward(linear, x);
    nn_module_backward(linear, wrong, true);
    assert_failure(f, VKN_BAD_ARGUMENT, "a is 5 x 2, b is 2 x 4, c is 3 x 4");
    nn_module_destroy(linear);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul),       cmocka_unit_test(test_linear),
        cmocka_unit_test(test_long_sums),    cmocka_unit_test(test_linear_finite_differences),
        cmocka_unit_test(test_linear_start), cmocka_unit_test(test_linear_errors),
    };
    return cmocka_run_group_tests_name("nn linear", tests, fixture_open, fixture_close);
}
