// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "differences.h"
#include "fixture.h"
#include "pool.h"
#include "reference_conv.h"
#include "sequential.h"

typedef struct shape {
    uint32_t images, channels, height, width;
    nn_max_pool2d_info pool;
} shape;

static size_t out_size(const shape *s, int axis) {
    const uint32_t size = axis == 0 ? s->height : s->width;
    return (size + 2 * s->pool.padding[axis] - s->pool.kernel[axis]) / s->pool.stride[axis] + 1;
}

// For each window of a plane its largest element, the first one of equals; the last NaN where there is one.
static void reference_max_pool(const shape *s, const double *x, double *y, size_t *largest) {
    const size_t rows = out_size(s, 0), columns = out_size(s, 1), plane = (size_t)s->height * s->width;
    for (size_t i = 0; i < (size_t)s->images * s->channels * rows * columns; i++) {
        const size_t first = i / (rows * columns) * plane, row = i / columns % rows, column = i % columns;
        y[i] = -INFINITY;
        largest[i] = SIZE_MAX;
        for (size_t place = 0; place < (size_t)s->pool.kernel[0] * s->pool.kernel[1]; place++) {
            const size_t r = row * s->pool.stride[0] + place / s->pool.kernel[1];
            const size_t c = column * s->pool.stride[1] + place % s->pool.kernel[1];
            if (r < s->pool.padding[0] || r >= s->height + s->pool.padding[0]) continue;
            if (c < s->pool.padding[1] || c >= s->width + s->pool.padding[1]) continue;
            const size_t at = first + (r - s->pool.padding[0]) * s->width + c - s->pool.padding[1];
            if (largest[i] != SIZE_MAX && !isnan(x[at]) && !(x[at] > y[i])) continue;
            y[i] = x[at];
            largest[i] = at;
        }
    }
}

// Whole numbers, so that some are equal; and a NaN and an infinity.
static float *values_with_ties(fixture *f, size_t count) {
    float *x = random_floats(f, count, 2);
    for (size_t i = 0; i < count; i++)
        x[i] = roundf(x[i]);
    if (count > 40) {
        x[17] = NAN;
        x[31] = -INFINITY;
    }
    return x;
}

static void check_max_pool(fixture *f, const shape *s) {
    const size_t in = (size_t)s->images * s->channels * s->height * s->width;
    const uint32_t rows = (uint32_t)out_size(s, 0), columns = (uint32_t)out_size(s, 1);
    const size_t out = (size_t)s->images * s->channels * rows * columns;
    float *x = values_with_ties(f, in), *dy = random_floats(f, out, 1);
    const box tx = box_create(f, s->images, s->channels * s->height * s->width, x);
    const box tdy = box_create(f, s->images, s->channels * rows * columns, dy);
    nn_module *pool = nn_max_pool2d_create(f->device, &s->pool);
    assert_non_null(pool);
    const uint32_t x_shape[] = {s->images, s->channels, s->height, s->width};
    const uint32_t y_shape[] = {s->images, s->channels, rows, columns};
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(pool, nn_reshape(f->device, &tx.inside, 4, x_shape));
    const vkn_tensor tdx = nn_module_backward(pool, nn_reshape(f->device, &tdy.inside, 4, y_shape), true);
    submit(f);
    assert_memory_equal(ty.shape, y_shape, sizeof y_shape);
    assert_memory_equal(tdx.shape, x_shape, sizeof x_shape);

    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
    double *rx = to_doubles(x, in), *ry = zeros(out), *rdx = zeros(in), *sizes = zeros(in);
    size_t *largest = calloc(out + 1, sizeof *largest);
    assert_non_null(largest);
    reference_max_pool(s, rx, ry, largest);
    for (size_t i = 0; i < out; i++) {
        assert_true(isnan(ry[i]) ? isnan(y[i]) : (double)y[i] == ry[i]);
        rdx[largest[i]] += (double)dy[i];
        sizes[largest[i]] += fabs((double)dy[i]);
    }
    for (size_t i = 0; i < in; i++) // at most as many additions as windows reach a place
        assert_near((double)dx[i], rdx[i], 4 * ULP * sizes[i], "dx", i);
    void *all[] = {x, dy, y, dx, rx, ry, rdx, sizes, largest};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(pool);
}

static void test_max_pool(void **state) {
    static const shape shapes[] = {
        {1, 1, 1, 1, {{1, 1}, {1, 1}, {0, 0}}},   {2, 3, 8, 8, {{2, 2}, {2, 2}, {0, 0}}},
        {1, 5, 7, 9, {{2, 2}, {2, 2}, {0, 0}}},   {3, 2, 7, 8, {{3, 3}, {2, 2}, {1, 1}}},
        {2, 2, 9, 6, {{3, 2}, {1, 3}, {0, 1}}},   {1, 1, 11, 13, {{5, 4}, {2, 1}, {2, 2}}},
        {2, 1, 6, 6, {{2, 2}, {3, 3}, {0, 0}}},   {0, 3, 4, 4, {{2, 2}, {2, 2}, {0, 0}}},
        {3, 7, 12, 12, {{3, 3}, {1, 1}, {1, 1}}},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_max_pool(*state, &shapes[i]);
}

static void check_average_pool(fixture *f, uint32_t images, uint32_t channels, uint32_t height, uint32_t width) {
    const uint32_t area = height * width, planes = images * channels;
    float *x = random_floats(f, (size_t)planes * area, 1), *dy = random_floats(f, planes, 1);
    const box tx = box_create(f, images, channels * area, x), tdy = box_create(f, images, channels, dy);
    nn_module *pool = nn_average_pool_create(f->device);
    nn_begin(f->device);
    const uint32_t x_shape[] = {images, channels, height, width}, y_shape[] = {images, channels, 1, 1};
    const vkn_tensor ty = nn_module_forward(pool, nn_reshape(f->device, &tx.inside, 4, x_shape));
    const vkn_tensor tdx = nn_module_backward(pool, nn_reshape(f->device, &tdy.inside, 4, y_shape), true);
    submit(f);
    assert_memory_equal(ty.shape, y_shape, sizeof y_shape);
    assert_memory_equal(tdx.shape, x_shape, sizeof x_shape);
    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
    for (size_t i = 0; i < planes; i++) {
        double sum = 0, size = 0;
        for (size_t j = 0; j < area; j++) {
            sum += (double)x[i * area + j];
            size += fabs((double)x[i * area + j]);
            assert_near((double)dx[i * area + j], (double)dy[i] / area, 4 * ULP * fabs((double)dy[i]) / area, "dx", j);
        }
        // At most 256 additions in a row, then the sums of those: the random walk of roundings stays below this.
        assert_near((double)y[i], sum / area, 8 * ULP * size / area, "y", i);
    }
    void *all[] = {x, dy, y, dx};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(pool);
}

static void test_average_pool(void **state) {
    static const uint32_t shapes[][4] = {{1, 1, 1, 1},  {2, 3, 5, 7},     {3, 17, 8, 8},
                                         {1, 33, 1, 9}, {2, 2, 130, 131}, {0, 4, 3, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_average_pool(*state, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3]);
}

// Convolution, max pool, mean, flatten: sum(y * dy) of it in double precision.
enum { IMAGES = 2, IN = 2, OUT = 3, SIZE = 6, POOLED = SIZE / 2 };
enum { X = IMAGES * IN * SIZE * SIZE, WEIGHTS = OUT * IN * 9, ROWS = IMAGES * OUT }; // elements
enum { Y = ROWS * SIZE * SIZE, AREA = POOLED * POOLED, LARGEST = ROWS * AREA };
typedef struct chain {
    double x[X], weight[WEIGHTS], bias[OUT], dy[ROWS];
} chain;

static double chain_output(const void *user) {
    const chain *c = user;
    double y[Y], largest[LARGEST], sum = 0;
    size_t at[LARGEST];
    reference_conv_run(&(reference_conv){IMAGES,
                                         IN,
                                         OUT,
                                         {SIZE, SIZE},
                                         {3, 3},
                                         {1, 1},
                                         {1, 1},
                                         .x = c->x,
                                         .weight = c->weight,
                                         .bias = c->bias,
                                         .y = y});
    reference_max_pool(&(shape){IMAGES, OUT, SIZE, SIZE, {{2, 2}, {2, 2}, {0, 0}}}, y, largest, at);
    for (size_t i = 0; i < LARGEST; i++)
        sum += largest[i] * c->dy[i / AREA] / AREA;
    return sum;
}

static void fill(double *values, const float *from, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = (double)from[i];
}

static void test_chain(void **state) {
    fixture *f = *state;
    nn_module *network = nn_sequential_create(f->device);
    nn_sequential_add(
        network, nn_conv2d_create(f->device, &(nn_conv2d_info){IN, OUT, {3, 3}, {1, 1}, {1, 1}, true}, &f->random));
    nn_sequential_add(network, nn_max_pool2d_create(f->device, &(nn_max_pool2d_info){{2, 2}, {2, 2}, {0, 0}}));
    nn_sequential_add(network, nn_average_pool_create(f->device));
    nn_sequential_add(network, nn_flatten_create(f->device));
    float *x = random_floats(f, X, 1), *dy = random_floats(f, ROWS, 1);
    const vkn_tensor tx =
        nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 4, (const uint32_t[]){IMAGES, IN, SIZE, SIZE});
    const vkn_tensor tdy = nn_matrix(f->device, NN_FOREVER, IMAGES, OUT);
    nn_upload(f->device, &tx, x);
    nn_upload(f->device, &tdy, dy);
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(network, tx), tdx = nn_module_backward(network, tdy, true);
    submit(f);
    assert_int_equal(ty.rank, 2);
    assert_int_equal(ty.shape[1], OUT);

    const parameter_list list = list_parameters(network);
    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
    float *weight = read_tensor(f, &list.items[0].value), *dweight = read_tensor(f, &list.items[0].grad);
    float *bias = read_tensor(f, &list.items[1].value), *dbias = read_tensor(f, &list.items[1].grad);
    chain c;
    fill(c.x, x, X);
    fill(c.weight, weight, WEIGHTS);
    fill(c.bias, bias, OUT);
    fill(c.dy, dy, ROWS);
    double sum = 0;
    for (size_t i = 0; i < ROWS; i++)
        sum += (double)y[i] * c.dy[i];
    assert_near(sum, chain_output(&c), 1e-5, "sum(y * dy)", 0);
    const difference_check check = {chain_output, &c, 1e-4, 1e-5};
    check_differences(&check, c.x, X, dx, "dx");
    check_differences(&check, c.weight, WEIGHTS, dweight, "dweight");
    check_differences(&check, c.bias, OUT, dbias, "dbias");
    void *all[] = {x, dy, y, dx, weight, dweight, bias, dbias};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(network);
}

static void test_bad_info(void **state) {
    fixture *f = *state;
    static const struct {
        nn_max_pool2d_info info;
        vkn_result result;
        const char *text;
    } cases[] = {
        {{{2, 2}, {2, 0}, {0, 0}}, VKN_BAD_ARGUMENT, "max pool: stride is 2 x 0, each must be 1 to 32768"},
        {{{3, 2}, {2, 2}, {2, 1}}, VKN_BAD_ARGUMENT, "padding is 2 x 1, at most half of the kernel, 3 x 2"},
        {{{200, 100}, {2, 2}, {0, 0}}, VKN_UNSUPPORTED, "kernel is 200 x 100, more than 16384 elements"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(nn_max_pool2d_create(f->device, &cases[i].info));
        assert_failure(f, cases[i].result, cases[i].text);
    }
}

static void test_bad_shapes(void **state) {
    fixture *f = *state;
    nn_module *pools[] = {nn_max_pool2d_create(f->device, &(nn_max_pool2d_info){{2, 3}, {2, 2}, {0, 0}}),
                          nn_average_pool_create(f->device), nn_flatten_create(f->device)};
    const vkn_tensor matrix = nn_matrix(f->device, NN_FOREVER, 2, 2);
    const vkn_tensor narrow = nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 4, (const uint32_t[]){1, 2, 4, 2});
    const vkn_tensor x = nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 4, (const uint32_t[]){1, 2, 4, 4});
    const struct {
        nn_module *module;
        vkn_tensor x, dy; // dy absent: forward fails
        const char *text;
    } cases[] = {
        {pools[0], matrix, {0}, "max pool: x has rank 2 and size 0 x 0, expected 4 and at least 1 x 1"},
        {pools[0], narrow, {0}, "max pool: padded input size 4 x 2, kernel size 2 x 3"},
        {pools[0], x, x, "max pool: dy has 32 elements, y has 4"},
        {pools[1], matrix, {0}, "average pool: x has rank 2 and 0 elements a channel, expected 4 and 1 to 262144"},
        {pools[1], x, matrix, "average pool: dy has 4 elements, y has 2"},
        {pools[2], x, matrix, "reshape: 32 elements, of a tensor that has 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nn_begin(f->device);
        nn_module_forward(cases[i].module, cases[i].x);
        if (cases[i].dy.buffer) nn_module_backward(cases[i].module, cases[i].dy, true);
        assert_failure(f, VKN_BAD_ARGUMENT, cases[i].text);
    }
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++)
        nn_module_destroy(pools[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_pool), cmocka_unit_test(test_average_pool), cmocka_unit_test(test_chain),
        cmocka_unit_test(test_bad_info), cmocka_unit_test(test_bad_shapes),
    };
    return cmocka_run_group_tests_name("nn pool", tests, fixture_open, fixture_close);
}
