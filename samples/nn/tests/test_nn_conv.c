// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "differences.h"
#include "fixture.h"
#include "reference_conv.h"

typedef struct shape {
    uint32_t images, height, width;
    nn_conv2d_info conv;
} shape;

static const shape SHAPES[] = {
    {1, 1, 1, {1, 1, {1, 1}, {1, 1}, {0, 0}, true}},     {1, 5, 7, {1, 3, {3, 3}, {1, 1}, {1, 1}, false}},
    {3, 9, 6, {2, 5, {1, 1}, {1, 1}, {0, 0}, true}},     {2, 8, 8, {3, 33, {3, 3}, {1, 1}, {1, 1}, true}},
    {2, 11, 13, {5, 4, {5, 5}, {1, 1}, {2, 2}, true}},   {3, 9, 10, {4, 6, {3, 3}, {2, 2}, {1, 1}, true}},
    {2, 10, 9, {3, 7, {5, 3}, {2, 1}, {0, 2}, false}},   {2, 7, 12, {6, 2, {1, 5}, {1, 3}, {1, 0}, true}},
    {2, 4, 4, {2, 3, {1, 1}, {2, 2}, {0, 0}, true}},     {1, 3, 3, {2, 2, {3, 3}, {1, 1}, {0, 0}, true}},
    {2, 2, 3, {1, 2, {3, 2}, {3, 4}, {2, 1}, true}},     {1, 6, 6, {40, 70, {3, 3}, {1, 1}, {1, 1}, true}},
    {5, 16, 16, {16, 16, {3, 3}, {1, 1}, {1, 1}, true}}, {1, 5, 5, {7, 64, {3, 3}, {2, 2}, {1, 1}, true}},
};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof SHAPES[0] };

// Inputs and outputs, in floats, in doubles, and as absolute values; and what the sums of absolute values are, which is
// what rounding errors are measured against.
enum { X, WEIGHT, BIAS, DY, INPUTS, Y = INPUTS, DX, DWEIGHT, DBIAS, TENSORS };
static const char *const NAMES[TENSORS] = {"x", "weight", "bias", "dy", "y", "dx", "dweight", "dbias"};

typedef struct run {
    reference_conv reference;
    nn_module *module;
    size_t counts[TENSORS];
    float *floats[TENSORS];
    double *doubles[TENSORS];
} run;

static run run_prepare(fixture *f, const shape *s) {
    const nn_conv2d_info *c = &s->conv;
    run r = {.reference = {.images = s->images,
                           .in = c->in,
                           .out = c->out,
                           .size = {s->height, s->width},
                           .kernel = {c->kernel[0], c->kernel[1]},
                           .stride = {c->stride[0], c->stride[1]},
                           .padding = {c->padding[0], c->padding[1]}}};
    const size_t in = (size_t)s->images * c->in * s->height * s->width;
    const size_t out = (size_t)s->images * c->out * reference_conv_out_size(&r.reference, 0) *
                       reference_conv_out_size(&r.reference, 1);
    const size_t weights = (size_t)c->out * c->in * c->kernel[0] * c->kernel[1], biases = c->bias ? c->out : 0;
    const size_t counts[TENSORS] = {in, weights, biases, out, out, in, weights, biases};
    memcpy(r.counts, counts, sizeof counts);
    r.module = nn_conv2d_create(f->device, c, &f->random);
    assert_non_null(r.module);
    const parameter_list list = list_parameters(r.module);
    assert_int_equal(list.count, c->bias ? 2 : 1);
    r.floats[X] = random_floats(f, in, 1);
    r.floats[DY] = random_floats(f, out, 1);
    for (size_t i = 0; i < list.count; i++)
        r.floats[WEIGHT + i] = read_tensor(f, &list.items[i].value);
    for (int i = 0; i < TENSORS; i++)
        r.doubles[i] = r.floats[i] ? to_doubles(r.floats[i], counts[i]) : zeros(counts[i]);
    return r;
}

static void run_free(run *r) {
    for (int i = 0; i < TENSORS; i++) {
        free(r->floats[i]);
        free(r->doubles[i]);
    }
    nn_module_destroy(r->module);
}

static void run_device(fixture *f, run *r) {
    const reference_conv *c = &r->reference;
    const uint32_t images = (uint32_t)c->images, columns = (uint32_t)(c->in * c->size[0] * c->size[1]);
    const uint32_t out_size[] = {(uint32_t)reference_conv_out_size(c, 0), (uint32_t)reference_conv_out_size(c, 1)};
    const uint32_t out = (uint32_t)c->out, in = (uint32_t)c->in;
    const uint32_t x_shape[] = {images, in, (uint32_t)c->size[0], (uint32_t)c->size[1]};
    const uint32_t y_shape[] = {images, out, out_size[0], out_size[1]};
    const box tx = box_create(f, images, columns, r->floats[X]);
    const box tdy = box_create(f, images, out * out_size[0] * out_size[1], r->floats[DY]);
    nn_begin(f->device);
    const vkn_tensor y = nn_module_forward(r->module, nn_reshape(f->device, &tx.inside, 4, x_shape));
    const vkn_tensor dx = nn_module_backward(r->module, nn_reshape(f->device, &tdy.inside, 4, y_shape), true);
    submit(f);
    assert_int_equal(y.rank, 4);
    assert_memory_equal(y.shape, y_shape, sizeof y_shape);
    assert_memory_equal(dx.shape, x_shape, sizeof x_shape);
    const parameter_list list = list_parameters(r->module);
    const vkn_tensor outputs[] = {y, dx, list.items[0].grad, list.items[list.count - 1].grad};
    for (int i = 0; i < TENSORS - INPUTS; i++) {
        free(r->floats[INPUTS + i]);
        r->floats[INPUTS + i] = read_tensor(f, &outputs[i]);
    }
}

static void run_reference(run *r, double *const values[TENSORS]) {
    reference_conv *c = &r->reference;
    c->x = values[X];
    c->weight = values[WEIGHT];
    c->bias = r->counts[BIAS] > 0 ? values[BIAS] : NULL;
    c->dy = values[DY];
    c->y = values[Y];
    c->dx = values[DX];
    c->dweight = values[DWEIGHT];
    c->dbias = r->counts[DBIAS] > 0 ? values[DBIAS] : NULL;
    reference_conv_run(c);
}

static void check_outputs(run *r) {
    double *sizes[TENSORS];
    for (int i = 0; i < TENSORS; i++) {
        sizes[i] = zeros(r->counts[i]);
        for (size_t j = 0; i < INPUTS && j < r->counts[i]; j++)
            sizes[i][j] = fabs(r->doubles[i][j]);
    }
    run_reference(r, sizes);
    run_reference(r, r->doubles);
    // Sixteen products in a row, then the sums of those, then of the parts: the random walk of roundings stays below.
    for (int i = INPUTS; i < TENSORS; i++) {
        for (size_t j = 0; j < r->counts[i]; j++)
            assert_near((double)r->floats[i][j], r->doubles[i][j], 4 * ULP * sizes[i][j], NAMES[i], j);
    }
    for (int i = 0; i < TENSORS; i++)
        free(sizes[i]);
}

static void check_conv(fixture *f, const shape *s) {
    run r = run_prepare(f, s);
    run_device(f, &r);
    check_outputs(&r);
    run_free(&r);
}

static void test_conv(void **state) {
    for (int i = 0; i < SHAPE_COUNT; i++)
        check_conv(*state, &SHAPES[i]);
}

// No images: no outputs, and gradients of zero.
static void test_empty(void **state) {
    check_conv(*state, &(shape){0, 5, 5, {2, 3, {3, 3}, {1, 1}, {1, 1}, true}});
}

// More tiles than an axis of the grid takes: folded.
static void test_folded(void **state) {
    check_conv(*state, &(shape){1, 71, 69, {1, 34, {1, 1}, {1, 1}, {0, 0}, true}});
}

// Sums over many positions, which go in parts; and the same bits again.
static void test_parts(void **state) {
    fixture *f = *state;
    run r = run_prepare(f, &(shape){4, 70, 65, {3, 2, {3, 3}, {1, 1}, {1, 1}, true}});
    run_device(f, &r);
    check_outputs(&r);
    float *first = r.floats[DWEIGHT];
    r.floats[DWEIGHT] = NULL;
    run_device(f, &r);
    assert_memory_equal(first, r.floats[DWEIGHT], r.counts[DWEIGHT] * sizeof *first);
    free(first);
    run_free(&r);
}

static double weighted_output(const void *user) {
    run *const *r = user;
    double sum = 0;
    run_reference(*r, (*r)->doubles);
    for (size_t i = 0; i < (*r)->counts[Y]; i++)
        sum += (*r)->doubles[Y][i] * (*r)->doubles[DY][i];
    return sum;
}

// The gradients on the device against finite differences of the reference's forward, of sum(y * dy).
static void test_finite_differences(void **state) {
    fixture *f = *state;
    static const shape shapes[] = {{2, 4, 5, {2, 3, {3, 2}, {1, 1}, {1, 1}, true}},
                                   {1, 5, 6, {3, 2, {3, 3}, {2, 3}, {0, 2}, true}}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        run r = run_prepare(f, &shapes[i]);
        run_device(f, &r);
        run *const user = &r;
        const difference_check check = {weighted_output, &user, 1e-3, 1e-5};
        for (int t = X; t <= BIAS; t++)
            check_differences(&check, r.doubles[t], r.counts[t], r.floats[DX + t], NAMES[DX + t]);
        run_free(&r);
    }
}

// As torch.nn.Conv2d: uniform in +-1 / sqrt(in * kernel), the same for the same seed.
static void test_start(void **state) {
    fixture *f = *state;
    const nn_conv2d_info info = {5, 80, {5, 5}, {1, 1}, {0, 0}, true};
    float *first = NULL;
    for (int turn = 0; turn < 2; turn++) {
        nn_module *conv = nn_conv2d_create(f->device, &info, &(nn_random){7});
        const parameter_list list = list_parameters(conv);
        float *weight = read_tensor(f, &list.items[0].value), *bias = read_tensor(f, &list.items[1].value);
        const double bound = 1 / sqrt(125);
        double square = 0;
        for (int i = 0; i < 10000; i++) {
            assert_true(fabs((double)weight[i]) <= bound * (1 + ULP));
            square += (double)weight[i] * (double)weight[i];
        }
        for (int i = 0; i < 80; i++)
            assert_true(fabs((double)bias[i]) <= bound * (1 + ULP));
        assert_near(square / 10000, bound * bound / 3, bound * bound / 80, "variance", 0);
        if (first) {
            assert_memory_equal(first, weight, 10000 * sizeof *weight);
            free(weight);
        } else {
            first = weight;
        }
        free(bias);
        nn_module_destroy(conv);
    }
    free(first);
}

// Frozen: gradients stay as they were, and what goes back is the same.
static void test_frozen(void **state) {
    fixture *f = *state;
    run r = run_prepare(f, &SHAPES[3]);
    run_device(f, &r);
    const parameter_list list = list_parameters(r.module);
    nn_zero(f->device, &list.items[0].grad);
    nn_module_freeze(r.module, true);
    const uint32_t x_shape[] = {2, 3, 8, 8};
    const vkn_tensor x = nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 4, x_shape);
    const vkn_tensor dy = nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 4, (const uint32_t[]){2, 33, 8, 8});
    nn_upload(f->device, &x, r.floats[X]);
    nn_upload(f->device, &dy, r.floats[DY]);
    nn_begin(f->device);
    nn_module_forward(r.module, x);
    const vkn_tensor tdx = nn_module_backward(r.module, dy, true);
    assert_null(nn_module_backward(r.module, dy, false).buffer);
    submit(f);
    float *dx = read_tensor(f, &tdx), *grad = read_tensor(f, &list.items[0].grad);
    assert_memory_equal(dx, r.floats[DX], r.counts[DX] * sizeof *dx);
    for (size_t i = 0; i < r.counts[WEIGHT]; i++)
        assert_true(grad[i] == 0);
    free(dx);
    free(grad);
    run_free(&r);
}

static void test_bad_info(void **state) {
    fixture *f = *state;
    static const struct {
        nn_conv2d_info info;
        vkn_result result;
        const char *text;
    } cases[] = {
        {{0, 3, {3, 3}, {1, 1}, {0, 0}, true}, VKN_UNSUPPORTED, "0 to 3 channels with a kernel of 3 x 3"},
        {{3, 4000, {3, 3}, {1, 1}, {0, 0}, true}, VKN_UNSUPPORTED, "channels times kernel must be 1 to 32768"},
        {{3, 3, {0, 3}, {1, 1}, {0, 0}, true}, VKN_BAD_ARGUMENT, "kernel is 0 x 3, each must be 1 to 32768"},
        {{3, 3, {3, 3}, {1, 0}, {0, 0}, true}, VKN_BAD_ARGUMENT, "stride is 1 x 0, each must be 1 to 32768"},
        {{3, 3, {3, 3}, {1, 1}, {40000, 0}, true}, VKN_BAD_ARGUMENT, "padding is 40000 x 0, each must be 0 to 32768"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(nn_conv2d_create(f->device, &cases[i].info, &f->random));
        assert_failure(f, cases[i].result, cases[i].text);
    }
}

static void test_bad_shapes(void **state) {
    fixture *f = *state;
    const nn_conv2d_info info = {2, 3, {3, 3}, {1, 1}, {1, 0}, false};
    nn_module *conv = nn_conv2d_create(f->device, &info, &f->random);
    const vkn_tensor matrix = nn_matrix(f->device, NN_FOREVER, 2, 2);
    const vkn_tensor narrow = nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 4, (const uint32_t[]){1, 2, 4, 2});
    const vkn_tensor x = nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 4, (const uint32_t[]){1, 2, 4, 4});
    nn_begin(f->device);
    assert_null(nn_module_forward(conv, matrix).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "x has rank 2 and 2 channels, expected rank 4 and 2");
    nn_begin(f->device);
    assert_null(nn_module_forward(conv, narrow).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "padded input size 6 x 2, kernel size 3 x 3");
    nn_begin(f->device);
    nn_module_forward(conv, x);
    assert_null(nn_module_backward(conv, x, true).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "dy has rank 4 and 32 elements, y is 1 x 3 x 4 x 2");
    nn_module_destroy(conv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),     cmocka_unit_test(test_empty),
        cmocka_unit_test(test_parts),    cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_start),    cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_bad_info), cmocka_unit_test(test_bad_shapes),
    };
    const struct CMUnitTest limited[] = {cmocka_unit_test(test_folded)};
    return cmocka_run_group_tests_name("nn conv", tests, fixture_open, fixture_close) +
           cmocka_run_group_tests_name("nn conv limited", limited, fixture_open_limited, fixture_close);
}
