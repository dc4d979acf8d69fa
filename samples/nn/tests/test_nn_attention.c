// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attention.h"
#include "differences.h"
#include "fixture.h"
#include "reference.h"

// Attention in double, written from the definition, one position after the other.
enum { QKV_WEIGHT, QKV_BIAS, OUT_WEIGHT, OUT_BIAS, PARAMETERS };
typedef struct attention_size {
    size_t sequences, length, width, heads;
} attention_size;
typedef struct attention {
    attention_size size;
    double *x, *dy, *p[PARAMETERS];
    double *qkv, *mixed, *y;                   // of the forward pass
    double *dx, *dp[PARAMETERS], *dqkv, *dout; // of the backward pass
} attention;

// The weights of the positions up to `at` in head h of sequence n.
static void reference_weights(const attention *net, size_t n, size_t h, size_t at, double *weights) {
    const size_t width = net->size.width, d = width / net->size.heads;
    const double *rows = &net->qkv[n * net->size.length * 3 * width];
    double largest = -INFINITY, sum = 0;
    for (size_t j = 0; j <= at; j++) {
        weights[j] = 0;
        for (size_t c = h * d; c < (h + 1) * d; c++)
            weights[j] += rows[at * 3 * width + c] * rows[j * 3 * width + width + c];
        weights[j] /= sqrt((double)d);
        largest = fmax(largest, weights[j]);
    }
    for (size_t j = 0; j <= at; j++)
        sum += weights[j] = exp(weights[j] - largest);
    for (size_t j = 0; j <= at; j++)
        weights[j] /= sum;
}

static void reference_forward(const attention *net) {
    const size_t length = net->size.length, width = net->size.width, rows = net->size.sequences * length;
    const size_t d = width / net->size.heads;
    double *weights = zeros(length);
    reference_matmul(&(reference_product){rows, 3 * width, width, 0, 1, net->x, net->p[0], net->p[1]}, net->qkv, NULL);
    for (size_t row = 0; row < rows; row++) {
        const size_t n = row / length, i = row % length;
        for (size_t c = 0; c < width; c++) {
            if (c % d == 0) reference_weights(net, n, c / d, i, weights);
            double sum = 0;
            for (size_t j = 0; j <= i; j++)
                sum += weights[j] * net->qkv[(n * length + j) * 3 * width + 2 * width + c];
            net->mixed[row * width + c] = sum;
        }
    }
    reference_matmul(&(reference_product){rows, width, width, 0, 1, net->mixed, net->p[2], net->p[3]}, net->y, NULL);
    free(weights);
}

// What row `i` of head h gives the gradients of its q, and of the k and v that it sees.
static void reference_row_backward(const attention *net, size_t n, size_t h, size_t i, double *weights, double *dw) {
    const size_t length = net->size.length, width = net->size.width, d = width / net->size.heads;
    const double *qkv = &net->qkv[n * length * 3 * width], *dout = &net->dout[(n * length + i) * width];
    double *dqkv = &net->dqkv[n * length * 3 * width], mean = 0;
    reference_weights(net, n, h, i, weights);
    for (size_t j = 0; j <= i; j++) {
        dw[j] = 0;
        for (size_t c = h * d; c < (h + 1) * d; c++) {
            dw[j] += dout[c] * qkv[j * 3 * width + 2 * width + c];
            dqkv[j * 3 * width + 2 * width + c] += weights[j] * dout[c];
        }
        mean += weights[j] * dw[j];
    }
    for (size_t j = 0; j <= i; j++) {
        const double ds = weights[j] * (dw[j] - mean) / sqrt((double)d);
        for (size_t c = h * d; c < (h + 1) * d; c++) {
            dqkv[i * 3 * width + c] += ds * qkv[j * 3 * width + width + c];
            dqkv[j * 3 * width + width + c] += ds * qkv[i * 3 * width + c];
        }
    }
}

// dx, dweight and dbias of y = x weight^T + bias
static void reference_linear_backward(size_t rows, size_t in, size_t out, const double *x, const double *weight,
                                      const double *dy, double *dx, double *dweight, double *dbias) {
    reference_matmul(&(reference_product){rows, in, out, 0, 0, dy, weight, NULL}, dx, NULL);
    reference_matmul(&(reference_product){out, in, rows, 1, 0, dy, x, NULL}, dweight, NULL);
    for (size_t i = 0; i < rows * out; i++)
        dbias[i % out] += dy[i];
}

static void reference_backward(const attention *net) {
    const size_t length = net->size.length, width = net->size.width, rows = net->size.sequences * length;
    double *weights = zeros(length), *dw = zeros(length);
    reference_linear_backward(rows, width, width, net->mixed, net->p[OUT_WEIGHT], net->dy, net->dout,
                              net->dp[OUT_WEIGHT], net->dp[OUT_BIAS]);
    for (size_t row = 0; row < rows; row++) {
        for (size_t h = 0; h < net->size.heads; h++)
            reference_row_backward(net, row / length, h, row % length, weights, dw);
    }
    reference_linear_backward(rows, width, 3 * width, net->x, net->p[QKV_WEIGHT], net->dqkv, net->dx,
                              net->dp[QKV_WEIGHT], net->dp[QKV_BIAS]);
    free(weights);
    free(dw);
}

static double weighted_output(const void *user) {
    const attention *net = user;
    double sum = 0;
    reference_forward(net);
    for (size_t i = 0; i < net->size.sequences * net->size.length * net->size.width; i++)
        sum += net->y[i] * net->dy[i];
    return sum;
}

static attention reference_create(const attention_size *size, const float *x, const float *dy, float *const *p) {
    const size_t width = size->width, count = size->sequences * size->length * width;
    const size_t counts[] = {3 * width * width, 3 * width, width * width, width};
    attention net = {.size = *size,
                     .x = to_doubles(x, count),
                     .dy = to_doubles(dy, count),
                     .qkv = zeros(3 * count),
                     .mixed = zeros(count),
                     .y = zeros(count),
                     .dx = zeros(count),
                     .dqkv = zeros(3 * count),
                     .dout = zeros(count)};
    for (int i = 0; i < PARAMETERS; i++) {
        net.p[i] = to_doubles(p[i], counts[i]);
        net.dp[i] = zeros(counts[i]);
    }
    return net;
}

static void reference_free(const attention *net) {
    double *const all[] = {net->x, net->dy, net->qkv, net->mixed, net->y, net->dx, net->dqkv, net->dout};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    for (int i = 0; i < PARAMETERS; i++) {
        free(net->p[i]);
        free(net->dp[i]);
    }
}

// Within 64 units of 2^-23 times the scale of the whole.
static void check_scaled(const float *got, const double *expected, size_t count, const char *what) {
    double scale = 0;
    for (size_t i = 0; i < count; i++)
        scale = fmax(scale, fabs(expected[i]));
    for (size_t i = 0; i < count; i++)
        assert_near((double)got[i], expected[i], 64 * ULP * scale, what, i);
}

enum { RESULTS = PARAMETERS + 2 };

// Records forward and backward, and returns {y, dx, gradients}.
static void run(fixture *f, nn_module *module, const attention_size *s, const float *x, const float *dy,
                float *results[RESULTS]) {
    const uint32_t shape[] = {(uint32_t)s->sequences, (uint32_t)s->length, (uint32_t)s->width};
    const box tx = box_create(f, shape[0] * shape[1], shape[2], x);
    const box tdy = box_create(f, shape[0] * shape[1], shape[2], dy);
    const parameter_list list = list_parameters(module);
    assert_int_equal(list.count, PARAMETERS);
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(module, nn_reshape(f->device, &tx.inside, 3, shape));
    const vkn_tensor tdx = nn_module_backward(module, nn_reshape(f->device, &tdy.inside, 3, shape), true);
    submit(f);
    assert_int_equal(ty.rank, 3);
    assert_memory_equal(ty.shape, shape, sizeof shape);
    const vkn_tensor outputs[RESULTS] = {
        ty, tdx, list.items[0].grad, list.items[1].grad, list.items[2].grad, list.items[3].grad};
    for (int i = 0; i < RESULTS; i++)
        results[i] = read_tensor(f, &outputs[i]);
}

static void check_attention(fixture *f, const attention_size *s, double deviation, bool differences) {
    const size_t count = s->sequences * s->length * s->width;
    nn_module *module = nn_attention_create(f->device, (uint32_t)s->width, (uint32_t)s->heads, &f->random);
    assert_non_null(module);
    float *x = random_floats(f, count, deviation), *dy = random_floats(f, count, 1);
    float *got[RESULTS], *again[RESULTS], *p[PARAMETERS];
    run(f, module, s, x, dy, got);
    run(f, module, s, x, dy, again);
    const parameter_list list = list_parameters(module);
    for (int i = 0; i < PARAMETERS; i++)
        p[i] = read_tensor(f, &list.items[i].value);

    attention net = reference_create(s, x, dy, p);
    reference_forward(&net);
    reference_backward(&net);
    static const char *const names[] = {"y", "dx", "dqkv.weight", "dqkv.bias", "dout.weight", "dout.bias"};
    const double *expected[] = {net.y, net.dx, net.dp[0], net.dp[1], net.dp[2], net.dp[3]};
    const size_t w = s->width, counts[] = {count, count, 3 * w * w, 3 * w, w * w, w};
    for (int i = 0; i < RESULTS; i++) {
        check_scaled(got[i], expected[i], counts[i], names[i]);
        assert_memory_equal(got[i], again[i], counts[i] * sizeof(float));
    }
    const difference_check check = {weighted_output, &net, .h = 1e-4, .tolerance = 1e-5};
    double *const values[] = {net.x, net.p[0], net.p[1], net.p[2], net.p[3]};
    for (int i = 0; i < PARAMETERS + 1 && differences; i++)
        check_differences(&check, values[i], counts[i + 1], got[i + 1], names[i + 1]);

    reference_free(&net);
    for (int i = 0; i < RESULTS; i++) {
        free(got[i]);
        free(again[i]);
        if (i < PARAMETERS) free(p[i]);
    }
    free(x);
    free(dy);
    nn_module_destroy(module);
}

static void test_attention(void **state) {
    static const attention_size sizes[] = {{1, 1, 1, 1},   {2, 5, 9, 3},   {3, 33, 24, 3}, {1, 70, 64, 4},
                                           {2, 17, 40, 1}, {1, 9, 130, 2}, {4, 16, 32, 8}, {5, 1, 8, 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_attention(*state, &sizes[i], 1, false);
}

static void test_attention_finite_differences(void **state) {
    check_attention(*state, &(attention_size){2, 5, 6, 2}, 1, true);
    check_attention(*state, &(attention_size){1, 4, 3, 3}, 2, true);
}

// Scores in the thousands: the largest is subtracted, nothing overflows, and one position takes all.
static void test_attention_saturated(void **state) {
    fixture *f = *state;
    const attention_size size = {1, 12, 8, 2};
    const size_t count = size.length * size.width;
    nn_module *module = nn_attention_create(f->device, (uint32_t)size.width, (uint32_t)size.heads, &f->random);
    float *x = random_floats(f, count, 100), *dy = random_floats(f, count, 1), *got[RESULTS];
    run(f, module, &size, x, dy, got);
    for (size_t i = 0; i < count; i++)
        assert_true(isfinite(got[0][i]) && isfinite(got[1][i]));
    for (int i = 0; i < RESULTS; i++)
        free(got[i]);
    free(x);
    free(dy);
    nn_module_destroy(module);
}

// What comes later changes nothing before it, and no other sequence.
static void test_attention_is_causal(void **state) {
    fixture *f = *state;
    enum { AT = 6 };
    const attention_size size = {2, 10, 12, 3};
    const size_t each = size.length * size.width, count = size.sequences * each;
    nn_module *module = nn_attention_create(f->device, (uint32_t)size.width, (uint32_t)size.heads, &f->random);
    float *x = random_floats(f, count, 1), *dy = random_floats(f, count, 1), *got[2][RESULTS];
    for (int turn = 0; turn < 2; turn++) {
        run(f, module, &size, x, dy, got[turn]);
        for (size_t i = AT * size.width; i < each; i++)
            x[i] += 1;
    }
    assert_memory_equal(got[0][0], got[1][0], AT * size.width * sizeof(float));
    assert_memory_equal(got[0][0] + each, got[1][0] + each, each * sizeof(float));
    assert_memory_equal(got[0][1] + each, got[1][1] + each, each * sizeof(float));
    for (size_t i = AT * size.width; i < each; i++)
        assert_true(got[0][0][i] != got[1][0][i]);
    for (int i = 0; i < RESULTS; i++) {
        free(got[0][i]);
        free(got[1][i]);
    }
    free(x);
    free(dy);
    nn_module_destroy(module);
}

static void test_attention_errors(void **state) {
    fixture *f = *state;
    assert_null(nn_attention_create(f->device, 10, 3, &f->random));
    assert_failure(f, VKN_BAD_ARGUMENT, "width 10 must be divisible by 3 heads");
    assert_null(nn_attention_create(f->device, 10, 0, &f->random));
    assert_failure(f, VKN_BAD_ARGUMENT, "width 10 must be divisible by 0 heads");
    nn_module *module = nn_attention_create(f->device, 4, 2, &f->random);
    const vkn_tensor flat = nn_matrix(f->device, NN_FOREVER, 2, 4);
    const vkn_tensor x = nn_reshape(f->device, &flat, 3, (const uint32_t[]){1, 2, 4});
    const vkn_tensor longer = nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 3, (const uint32_t[]){1, 3, 4});
    nn_begin(f->device);
    nn_module_forward(module, flat);
    assert_failure(f, VKN_BAD_ARGUMENT, "x has rank 2 and 4 features, expected rank 3 and 4");
    nn_begin(f->device);
    nn_module_forward(module, x);
    nn_module_backward(module, longer, true);
    assert_failure(f, VKN_BAD_ARGUMENT, "a is 4 x 3, b is 2 x 4, c is 4 x 4");
    nn_module_destroy(module);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_saturated),
        cmocka_unit_test(test_attention_finite_differences),
        cmocka_unit_test(test_attention_is_causal),
        cmocka_unit_test(test_attention_errors),
    };
    return cmocka_run_group_tests_name("nn attention", tests, fixture_open, fixture_close);
}
