// SPDX-License-Identifier: MIT
// What sequences of tokens go through, but for attention: embedding, positions, residual, and linear on many ranks.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "differences.h"
#include "embedding.h"
#include "fixture.h"
#include "linear.h"
#include "reference.h"
#include "residual.h"
#include "sequential.h"

// A view in a box as a tensor of another shape.
static vkn_tensor shaped(fixture *f, const box *in, uint32_t rank, const uint32_t *shape) {
    return nn_reshape(f->device, &in->inside, rank, shape);
}

// Tokens from an odd index on, the first of them out of range where there is room for it.
static vkn_tensor upload_tokens(fixture *f, const int64_t *tokens, uint32_t sequences, uint32_t length) {
    const uint32_t count = sequences * length;
    const vkn_tensor all = nn_vector(f->device, NN_FOREVER, VKN_I64, count + 1);
    int64_t *host = calloc(count + 1, sizeof *host);
    assert_non_null(host);
    memcpy(host + 1, tokens, count * sizeof *host);
    nn_upload(f->device, &all, host);
    free(host);
    const vkn_tensor view = nn_rows(f->device, &all, 1, count);
    return nn_reshape(f->device, &view, 2, (const uint32_t[]){sequences, length});
}

typedef struct table_size {
    uint32_t sequences, length, count, width;
} table_size;

static void check_embedding_grad(const table_size *s, const int64_t *tokens, const float *dy, const float *got) {
    const size_t elements = (size_t)s->count * s->width;
    double *sums = zeros(elements), *sizes = zeros(elements);
    for (size_t m = 0; m < (size_t)s->sequences * s->length; m++) {
        if (tokens[m] < 0 || tokens[m] >= s->count) continue;
        for (size_t c = 0; c < s->width; c++) {
            sums[(size_t)tokens[m] * s->width + c] += (double)dy[m * s->width + c];
            sizes[(size_t)tokens[m] * s->width + c] += fabs((double)dy[m * s->width + c]);
        }
    }
    // At most 256 additions in a row, then the sums of those: the random walk of roundings stays below this.
    for (size_t i = 0; i < elements; i++)
        assert_near((double)got[i], sums[i], 8 * ULP * sizes[i], "dweight", i);
    free(sums);
    free(sizes);
}

static void check_embedding(fixture *f, const table_size *s, const int64_t *tokens) {
    const uint32_t rows = s->sequences * s->length, shape[] = {s->sequences, s->length, s->width};
    nn_module *embedding = nn_embedding_create(f->device, s->count, s->width, &f->random);
    assert_non_null(embedding);
    const parameter_list list = list_parameters(embedding);
    assert_int_equal(list.count, 1);
    float *dy = random_floats(f, (size_t)rows * s->width, 1);
    const box tdy = box_create(f, rows, s->width, dy);
    const vkn_tensor x = upload_tokens(f, tokens, s->sequences, s->length), dy3 = shaped(f, &tdy, 3, shape);
    float *grad = NULL;
    for (int turn = 0; turn < 2; turn++) {
        nn_begin(f->device);
        const vkn_tensor ty = nn_module_forward(embedding, x);
        nn_module_backward(embedding, dy3, false);
        submit(f);
        assert_int_equal(ty.rank, 3);
        assert_memory_equal(ty.shape, shape, sizeof shape);
        float *weight = read_tensor(f, &list.items[0].value), *y = read_tensor(f, &ty);
        for (size_t m = 0; m < rows; m++) {
            const int64_t token = tokens[m];
            for (size_t c = 0; c < s->width; c++) {
                const float got = y[m * s->width + c];
                assert_true(token >= 0 && token < s->count ? got == weight[(size_t)token * s->width + c] : isnan(got));
            }
        }
        float *again = read_tensor(f, &list.items[0].grad);
        check_embedding_grad(s, tokens, dy, again);
        if (grad) assert_memory_equal(grad, again, (size_t)s->count * s->width * sizeof *grad);
        free(grad);
        grad = again;
        free(weight);
        free(y);
    }
    free(grad);
    free(dy);
    nn_module_destroy(embedding);
}

static void test_embedding(void **state) {
    fixture *f = *state;
    static const table_size sizes[] = {{1, 1, 1, 1},  {3, 5, 7, 33},  {4, 32, 96, 64},
                                       {2, 9, 3, 31}, {5, 1, 40, 65}, {1, 140000, 2, 1}}; // the last: two dispatches
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint32_t count = sizes[i].sequences * sizes[i].length;
        int64_t *tokens = calloc(count, sizeof *tokens);
        assert_non_null(tokens);
        for (uint32_t m = 0; m < count; m++)
            tokens[m] = (int64_t)nn_random_below(&f->random, sizes[i].count);
        check_embedding(f, &sizes[i], tokens);
        free(tokens);
    }
    const int64_t odd[] = {4, -1, 0, INT64_C(1) << 32, 5, 4, INT64_MIN, 6, (INT64_C(1) << 32) + 4};
    check_embedding(f, &(table_size){3, 3, 5, 7}, odd);
}

// As torch.nn.Embedding: normal, the same for the same seed.
static void test_embedding_start(void **state) {
    fixture *f = *state;
    enum { COUNT = 200, WIDTH = 100, ALL = COUNT * WIDTH };
    float *first = NULL;
    for (int turn = 0; turn < 2; turn++) {
        nn_module *embedding = nn_embedding_create(f->device, COUNT, WIDTH, &(nn_random){7});
        float *w = read_tensor(f, &list_parameters(embedding).items[0].value);
        double mean = 0, square = 0, near = 0;
        for (int i = 0; i < ALL; i++) {
            mean += (double)w[i] / ALL;
            square += (double)w[i] * (double)w[i] / ALL;
            near += (fabsf(w[i]) < 1) / (double)ALL;
        }
        // Four standard deviations each.
        assert_near(mean, 0, 4 / sqrt(ALL), "mean", 0);
        assert_near(square, 1, 4 * sqrt(2.0 / ALL), "variance", 0);
        assert_near(near, erf(sqrt(0.5)), 4 * sqrt(0.683 * 0.317 / ALL), "within one deviation", 0);
        if (first) assert_memory_equal(first, w, ALL * sizeof *w);
        if (first) free(w);
        if (!first) first = w;
        nn_module_destroy(embedding);
    }
    free(first);
}

static void test_embedding_errors(void **state) {
    fixture *f = *state;
    nn_module *embedding = nn_embedding_create(f->device, 5, 3, &f->random);
    const vkn_tensor x = upload_tokens(f, (const int64_t[]){1, 2}, 1, 2), dy = nn_matrix(f->device, NN_FOREVER, 2, 3);
    const vkn_tensor wrong = nn_matrix(f->device, NN_FOREVER, 2, 4);
    nn_begin(f->device);
    assert_null(nn_module_forward(embedding, wrong).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "x has dtype 0 and rank 2, expected I64 (3) and rank 1 to 5");
    nn_begin(f->device);
    nn_module_forward(embedding, x);
    nn_module_backward(embedding, wrong, false);
    assert_failure(f, VKN_BAD_ARGUMENT, "dy is 2 x 4, expected 2 x 3");
    nn_begin(f->device);
    nn_module_forward(embedding, x);
    nn_module_backward(embedding, dy, true);
    assert_failure(f, VKN_BAD_ARGUMENT, "tokens have no gradient, but dx is asked for");
    nn_module_destroy(embedding);
    assert_null(nn_embedding_create(f->device, UINT32_MAX, 1, &f->random));
    assert_failure(f, VKN_UNSUPPORTED, "4294967295 vectors, maxComputeWorkGroupCount is");
}

static void check_positions(fixture *f, uint32_t sequences, uint32_t length, uint32_t context, uint32_t width) {
    const uint32_t rows = sequences * length, shape[] = {sequences, length, width};
    const size_t count = (size_t)rows * width, used = (size_t)length * width, all = (size_t)context * width;
    nn_module *positions = nn_positions_create(f->device, context, width, &f->random);
    const parameter_list list = list_parameters(positions);
    assert_int_equal(list.count, 1);
    float *x = random_floats(f, count, 1), *dy = random_floats(f, count, 1), *stale = random_floats(f, all, 1);
    nn_upload(f->device, &list.items[0].grad, stale);
    const box tx = box_create(f, rows, width, x), tdy = box_create(f, rows, width, dy);
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(positions, shaped(f, &tx, 3, shape));
    const vkn_tensor tdx = nn_module_backward(positions, shaped(f, &tdy, 3, shape), true);
    submit(f);
    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx), *grad = read_tensor(f, &list.items[0].grad);
    float *w = read_tensor(f, &list.items[0].value);
    for (size_t i = 0; i < count; i++) {
        assert_true(y[i] == x[i] + w[i % used]);
        assert_true(dx[i] == dy[i]);
    }
    for (size_t i = 0; i < all; i++) {
        double sum = 0, size = 0;
        for (size_t n = 0; n < sequences && i < used; n++) {
            sum += (double)dy[n * used + i];
            size += fabs((double)dy[n * used + i]);
        }
        assert_near((double)grad[i], sum, 4 * ULP * size, "dweight", i);
    }
    void *every[] = {x, dy, stale, y, dx, grad, w};
    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++)
        free(every[i]);
    nn_module_destroy(positions);
}

static void test_positions(void **state) {
    fixture *f = *state;
    check_positions(f, 1, 1, 1, 1);
    check_positions(f, 5, 7, 7, 33);
    check_positions(f, 4, 3, 9, 31); // shorter sequences
    check_positions(f, 33, 16, 32, 8);
    nn_module *positions = nn_positions_create(f->device, 4, 3, &f->random);
    const vkn_tensor x = nn_matrix(f->device, NN_FOREVER, 5, 3), wide = nn_matrix(f->device, NN_FOREVER, 4, 2);
    nn_begin(f->device);
    nn_module_forward(positions, x);
    assert_failure(f, VKN_BAD_ARGUMENT, "length 5 and width 3, expected rank 2 or more, at most 4 and 3");
    nn_begin(f->device);
    nn_module_forward(positions, wide);
    assert_failure(f, VKN_BAD_ARGUMENT, "length 4 and width 2, expected rank 2 or more, at most 4 and 3");
    nn_module_destroy(positions);
}

// y = x + linear(gelu(linear(x))), for finite differences of sum(y * dy).
enum { ROWS = 6, WIDTH = 5, HIDDEN = 7, PARAMETERS = 4 };
typedef struct network {
    double *x, *dy, *p[PARAMETERS];
} network;

static double weighted_output(const void *user) {
    const network *net = user;
    double hidden[ROWS * HIDDEN], out[ROWS * WIDTH], sum = 0;
    reference_matmul(&(reference_product){ROWS, HIDDEN, WIDTH, 0, 1, net->x, net->p[0], net->p[1]}, hidden, NULL);
    for (int i = 0; i < ROWS * HIDDEN; i++)
        hidden[i] *= erfc(-hidden[i] / sqrt(2)) / 2;
    reference_matmul(&(reference_product){ROWS, WIDTH, HIDDEN, 0, 1, hidden, net->p[2], net->p[3]}, out, NULL);
    for (int i = 0; i < ROWS * WIDTH; i++)
        sum += (net->x[i] + out[i]) * net->dy[i];
    return sum;
}

static nn_module *residual_create(fixture *f) {
    nn_module *inner = nn_sequential_create(f->device);
    nn_sequential_add(inner, nn_linear_create(f->device, WIDTH, HIDDEN, &f->random));
    nn_sequential_add(inner, nn_gelu_create(f->device));
    nn_sequential_add(inner, nn_linear_create(f->device, HIDDEN, WIDTH, &f->random));
    nn_module *residual = nn_residual_create(f->device, inner);
    assert_non_null(residual);
    return residual;
}

static void test_residual(void **state) {
    fixture *f = *state;
    static const uint32_t shape[] = {2, ROWS / 2, WIDTH};
    nn_module *residual = residual_create(f);
    const parameter_list list = list_parameters(residual);
    assert_int_equal(list.count, PARAMETERS);
    const size_t count = (size_t)ROWS * WIDTH;
    float *x = random_floats(f, count, 1), *dy = random_floats(f, count, 1);
    const box tx = box_create(f, ROWS, WIDTH, x), tdy = box_create(f, ROWS, WIDTH, dy);
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(residual, shaped(f, &tx, 3, shape));
    const vkn_tensor tdx = nn_module_backward(residual, shaped(f, &tdy, 3, shape), true);
    submit(f);
    assert_int_equal(ty.rank, 3);

    network net = {.x = to_doubles(x, count), .dy = to_doubles(dy, count)};
    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx), *values[PARAMETERS], *grads[PARAMETERS];
    double sum = 0;
    for (int p = 0; p < PARAMETERS; p++) {
        values[p] = read_tensor(f, &list.items[p].value);
        grads[p] = read_tensor(f, &list.items[p].grad);
        net.p[p] = to_doubles(values[p], vkn_tensor_count(&list.items[p].value));
    }
    for (size_t i = 0; i < count; i++)
        sum += (double)y[i] * net.dy[i];
    assert_near(sum, weighted_output(&net), 1e-5, "weighted output", 0);
    const difference_check check = {weighted_output, &net, .h = 1e-4, .tolerance = 1e-5};
    check_differences(&check, net.x, count, dx, "dx");
    for (int p = 0; p < PARAMETERS; p++)
        check_differences(&check, net.p[p], vkn_tensor_count(&list.items[p].value), grads[p], "gradient");
    for (int p = 0; p < PARAMETERS; p++) {
        free(values[p]);
        free(grads[p]);
        free(net.p[p]);
    }
    void *all[] = {x, dy, net.x, net.dy, y, dx};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(residual);
}

static void expect_names(void *user, const char *name, const nn_parameter *parameter) {
    static const char *const names[] = {"f.0.weight", "f.0.bias", "f.2.weight", "f.2.bias"};
    size_t *next = user;
    assert_string_equal(name, names[(*next)++]);
    assert_non_null(parameter->value.buffer);
}

static void test_residual_names_and_errors(void **state) {
    fixture *f = *state;
    nn_module *residual = residual_create(f);
    size_t seen = 0;
    nn_module_state(residual, expect_names, &seen);
    assert_int_equal(seen, PARAMETERS);
    nn_module_destroy(residual);
    assert_null(nn_residual_create(f->device, NULL));

    residual = nn_residual_create(f->device, nn_linear_create(f->device, 4, 3, &f->random));
    const vkn_tensor x = nn_matrix(f->device, NN_FOREVER, 2, 4);
    nn_begin(f->device);
    assert_null(nn_module_forward(residual, x).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "f(x) has 6 elements, x has 8");
    nn_module_destroy(residual);
}

// The same rows in any shape give the same bits.
static void test_linear_ranks(void **state) {
    fixture *f = *state;
    enum { SEQUENCES = 3, LENGTH = 4, ALL = SEQUENCES * LENGTH, IN = 5, OUT = 6 };
    static const uint32_t x_shape[] = {SEQUENCES, LENGTH, IN}, y_shape[] = {SEQUENCES, LENGTH, OUT};
    nn_module *linear = nn_linear_create(f->device, IN, OUT, &f->random);
    const parameter_list list = list_parameters(linear);
    float *x = random_floats(f, (size_t)ALL * IN, 1), *dy = random_floats(f, (size_t)ALL * OUT, 1);
    const box tx = box_create(f, ALL, IN, x), tdy = box_create(f, ALL, OUT, dy);
    float *got[2][4];
    VkDeviceSize bytes[4];
    for (int flat = 0; flat < 2; flat++) {
        nn_begin(f->device);
        const vkn_tensor ty = nn_module_forward(linear, flat ? tx.inside : shaped(f, &tx, 3, x_shape));
        const vkn_tensor tdx = nn_module_backward(linear, flat ? tdy.inside : shaped(f, &tdy, 3, y_shape), true);
        submit(f);
        if (!flat) {
            assert_memory_equal(ty.shape, y_shape, sizeof y_shape);
            assert_memory_equal(tdx.shape, x_shape, sizeof x_shape);
        }
        const vkn_tensor outputs[] = {ty, tdx, list.items[0].grad, list.items[1].grad};
        for (int i = 0; i < 4; i++) {
            got[flat][i] = read_tensor(f, &outputs[i]);
            bytes[i] = nn_tensor_bytes(&outputs[i]);
        }
    }
    for (int i = 0; i < 4; i++) {
        assert_memory_equal(got[0][i], got[1][i], bytes[i]);
        free(got[0][i]);
        free(got[1][i]);
    }
    free(x);
    free(dy);
    const vkn_tensor vector = nn_vector(f->device, NN_FOREVER, VKN_F32, IN);
    nn_begin(f->device);
    nn_module_forward(linear, vector);
    assert_failure(f, VKN_BAD_ARGUMENT, "x has rank 1 and 5 features, expected rank 2 or more and 5");
    nn_reshape(f->device, &vector, 2, x_shape);
    assert_failure(f, VKN_BAD_ARGUMENT, "12 elements, of a tensor that has 5");
    nn_module_destroy(linear);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embedding),        cmocka_unit_test(test_embedding_start),
        cmocka_unit_test(test_embedding_errors), cmocka_unit_test(test_positions),
        cmocka_unit_test(test_residual),         cmocka_unit_test(test_residual_names_and_errors),
        cmocka_unit_test(test_linear_ranks),
    };
    return cmocka_run_group_tests_name("nn sequence", tests, fixture_open, fixture_close);
}
