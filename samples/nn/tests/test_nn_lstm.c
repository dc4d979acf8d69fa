// SPDX-License-Identifier: MIT
// The LSTM against its equations in double, forward and backward through time, and against finite differences.
#include "lstm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "differences.h"
#include "fixture.h"
#include "reference.h"

enum { WEIGHT_IH, WEIGHT_HH, BIAS_IH, BIAS_HH, PARAMETERS, X = PARAMETERS, INPUTS };
static const char *const NAMES[INPUTS] = {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "dx"};

typedef struct size {
    uint32_t batch, length, in, hidden;
} size;

typedef struct network {
    size s;
    double *inputs[INPUTS], *dy;
    double *y, *gates, *c; // [batch, length, ...]
} network;

static size_t input_count(const size *s, int input) {
    const size_t rows = 4 * (size_t)s->hidden;
    const size_t counts[INPUTS] = {rows * s->in, rows * s->hidden, rows, rows, (size_t)s->batch * s->length * s->in};
    return counts[input];
}

static size_t state_count(const size *s) {
    return (size_t)s->batch * s->length * s->hidden;
}

// Row `row` = sample * length + step, whose step before is row - 1, unless it is the first.
static double preactivation(const network *net, size_t row, size_t k) {
    const size_t in = net->s.in, hidden = net->s.hidden;
    double a = net->inputs[BIAS_IH][k] + net->inputs[BIAS_HH][k];
    for (size_t i = 0; i < in; i++)
        a += net->inputs[WEIGHT_IH][k * in + i] * net->inputs[X][row * in + i];
    for (size_t j = 0; row % net->s.length > 0 && j < hidden; j++)
        a += net->inputs[WEIGHT_HH][k * hidden + j] * net->y[(row - 1) * hidden + j];
    return a;
}

static void forward(const network *net) {
    const size_t hidden = net->s.hidden;
    for (size_t row = 0; row < (size_t)net->s.batch * net->s.length; row++) {
        for (size_t j = 0; j < hidden; j++) {
            double *gates = &net->gates[(row * hidden + j) * 4];
            for (size_t gate = 0; gate < 4; gate++) {
                const double a = preactivation(net, row, gate * hidden + j);
                gates[gate] = gate == 2 ? tanh(a) : reference_sigmoid(a);
            }
            const double before = row % net->s.length > 0 ? net->c[(row - 1) * hidden + j] : 0;
            const double cell = gates[1] * before + gates[0] * gates[2];
            net->c[row * hidden + j] = cell;
            net->y[row * hidden + j] = gates[3] * tanh(cell);
        }
    }
}

// What the loss sum(y * dy) is for the inputs as they are.
static double loss(const void *user) {
    const network *net = user;
    double sum = 0;
    forward(net);
    for (size_t i = 0; i < state_count(&net->s); i++)
        sum += net->y[i] * net->dy[i];
    return sum;
}

// Adds what the gradient of one preactivation gives to all gradients; sizes: the same of absolute values.
static void spread(const network *net, size_t row, size_t k, double da, double *dh_before, double *const grads[],
                   double *const sizes[]) {
    const size_t in = net->s.in, hidden = net->s.hidden;
    for (size_t i = 0; i < in; i++) {
        const double by_weight = da * net->inputs[X][row * in + i], by_x = da * net->inputs[WEIGHT_IH][k * in + i];
        grads[WEIGHT_IH][k * in + i] += by_weight;
        sizes[WEIGHT_IH][k * in + i] += fabs(by_weight);
        grads[X][row * in + i] += by_x;
        sizes[X][row * in + i] += fabs(by_x);
    }
    for (size_t j = 0; row % net->s.length > 0 && j < hidden; j++) {
        const double by_weight = da * net->y[(row - 1) * hidden + j];
        grads[WEIGHT_HH][k * hidden + j] += by_weight;
        sizes[WEIGHT_HH][k * hidden + j] += fabs(by_weight);
        dh_before[j] += da * net->inputs[WEIGHT_HH][k * hidden + j];
    }
    for (int bias = BIAS_IH; bias <= BIAS_HH; bias++) {
        grads[bias][k] += da;
        sizes[bias][k] += fabs(da);
    }
}

static void backward(const network *net, double *const grads[], double *const sizes[]) {
    const size_t hidden = net->s.hidden, length = net->s.length;
    double *dc = zeros(hidden), *dh = zeros(hidden), *dh_before = zeros(hidden);
    for (size_t row = (size_t)net->s.batch * length; row-- > 0;) {
        if (row % length + 1 == length) {
            memset(dc, 0, hidden * sizeof *dc);
            memset(dh, 0, hidden * sizeof *dh);
        }
        memset(dh_before, 0, hidden * sizeof *dh_before);
        for (size_t j = 0; j < hidden; j++) {
            const double *gates = &net->gates[(row * hidden + j) * 4], i = gates[0], f = gates[1], g = gates[2],
                         o = gates[3], s = tanh(net->c[row * hidden + j]);
            const double before = row % length > 0 ? net->c[(row - 1) * hidden + j] : 0;
            const double to_h = dh[j] + net->dy[row * hidden + j], to_c = dc[j] + to_h * o * (1 - s * s);
            const double da[4] = {to_c * g * i * (1 - i), to_c * before * f * (1 - f), to_c * i * (1 - g * g),
                                  to_h * s * o * (1 - o)};
            for (size_t gate = 0; gate < 4; gate++)
                spread(net, row, gate * hidden + j, da[gate], dh_before, grads, sizes);
            dc[j] = to_c * f;
        }
        memcpy(dh, dh_before, hidden * sizeof *dh);
    }
    free(dc);
    free(dh);
    free(dh_before);
}

// An LSTM on the device, what it gave, and the same in double.
typedef struct trial {
    network net;
    float *y, *grads[INPUTS];
} trial;

static trial trial_run(fixture *f, const size *s) {
    trial t = {
        .net = {.s = *s, .y = zeros(state_count(s)), .gates = zeros(4 * state_count(s)), .c = zeros(state_count(s))}};
    nn_module *lstm = nn_lstm_create(f->device, s->in, s->hidden, &f->random);
    assert_non_null(lstm);
    const parameter_list list = list_parameters(lstm);
    assert_int_equal(list.count, PARAMETERS);
    float *x = random_floats(f, input_count(s, X), 1), *dy = random_floats(f, state_count(s), 1);
    const box tx = box_create(f, s->batch * s->length, s->in, x);
    const box tdy = box_create(f, s->batch * s->length, s->hidden, dy);
    nn_begin(f->device);
    const vkn_tensor steps = nn_reshape(f->device, &tx.inside, 3, (const uint32_t[]){s->batch, s->length, s->in});
    const vkn_tensor ty = nn_module_forward(lstm, steps), tdx = nn_module_backward(lstm, tdy.inside, true);
    submit(f);
    assert_int_equal(ty.rank, 3);
    assert_int_equal(ty.shape[0], s->batch);
    assert_int_equal(ty.shape[1], s->length);
    assert_int_equal(ty.shape[2], s->hidden);
    t.y = read_tensor(f, &ty);
    for (int p = 0; p < PARAMETERS; p++) {
        float *values = read_tensor(f, &list.items[p].value);
        assert_int_equal(vkn_tensor_count(&list.items[p].grad), input_count(s, p));
        t.net.inputs[p] = to_doubles(values, input_count(s, p));
        t.grads[p] = read_tensor(f, &list.items[p].grad);
        free(values);
    }
    t.grads[X] = read_tensor(f, &tdx);
    t.net.inputs[X] = to_doubles(x, input_count(s, X));
    t.net.dy = to_doubles(dy, state_count(s));
    free(x);
    free(dy);
    nn_module_destroy(lstm);
    return t;
}

static void trial_free(trial *t) {
    free(t->y);
    for (int i = 0; i < INPUTS; i++) {
        free(t->grads[i]);
        free(t->net.inputs[i]);
    }
    void *all[] = {t->net.dy, t->net.y, t->net.gates, t->net.c};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

// What an activation rounds, and the random walk of a sum of that many terms, each of them below the bound of the
// weights; a step hands its own on to the next one.
static double state_tolerance(const size *s) {
    const double bound = 1 / sqrt((double)s->hidden), terms = (double)s->in + s->hidden + 2;
    return 4 * ULP * s->length * (1 + bound * sqrt(terms));
}

static void check_lstm(fixture *f, const size *s) {
    trial t = trial_run(f, s);
    const double tolerance = state_tolerance(s);
    forward(&t.net);
    for (size_t i = 0; i < state_count(s); i++)
        assert_near((double)t.y[i], t.net.y[i], tolerance, "y", i);
    double *grads[INPUTS], *sizes[INPUTS];
    for (int p = 0; p < INPUTS; p++) {
        grads[p] = zeros(input_count(s, p));
        sizes[p] = zeros(input_count(s, p));
    }
    backward(&t.net, grads, sizes);
    for (int p = 0; p < INPUTS; p++) {
        double largest = 0;
        for (size_t i = 0; i < input_count(s, p); i++)
            largest = fmax(largest, sizes[p][i]);
        for (size_t i = 0; i < input_count(s, p); i++)
            assert_near((double)t.grads[p][i], grads[p][i], 4 * tolerance * largest, NAMES[p], i);
        free(grads[p]);
        free(sizes[p]);
    }
    trial_free(&t);
}

static void test_lstm(void **state) {
    static const size sizes[] = {{1, 1, 1, 1},   {1, 5, 3, 4},   {3, 1, 8, 7}, {4, 8, 8, 64},
                                 {2, 33, 5, 33}, {65, 3, 2, 16}, {0, 2, 3, 4}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_lstm(*state, &sizes[i]);
}

static void test_finite_differences(void **state) {
    static const size sizes[] = {{2, 4, 3, 5}, {1, 1, 2, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        trial t = trial_run(*state, &sizes[i]);
        const difference_check check = {loss, &t.net, 1e-5, 2e-6};
        for (int p = 0; p < INPUTS; p++)
            check_differences(&check, t.net.inputs[p], input_count(&sizes[i], p), t.grads[p], NAMES[p]);
        trial_free(&t);
    }
}

// The states stay finite and exact where the gates are shut or wide open.
static void test_saturated(void **state) {
    fixture *f = *state;
    nn_module *lstm = nn_lstm_create(f->device, 1, 1, &f->random);
    const parameter_list list = list_parameters(lstm);
    const float biases[4] = {1e4f, 1e4f, 1e4f, 1e4f}; // i, f, o: 1, g: 1
    nn_upload(f->device, &list.items[BIAS_IH].value, biases);
    const float ones[3] = {1, 1, 1};
    const box tx = box_create(f, 3, 1, ones), tdy = box_create(f, 3, 1, ones);
    nn_begin(f->device);
    const vkn_tensor ty = nn_module_forward(lstm, nn_reshape(f->device, &tx.inside, 3, (const uint32_t[]){1, 3, 1}));
    const vkn_tensor tdx = nn_module_backward(lstm, tdy.inside, true);
    submit(f);
    float *y = read_tensor(f, &ty), *dx = read_tensor(f, &tdx);
    for (int t = 0; t < 3; t++) {
        assert_near((double)y[t], tanh(t + 1), 4 * ULP, "y", (size_t)t);
        assert_true(dx[t] == 0);
    }
    free(y);
    free(dx);
    nn_module_destroy(lstm);
}

// As torch.nn.LSTM: uniform in +-1 / sqrt(hidden).
static void test_start(void **state) {
    fixture *f = *state;
    nn_module *lstm = nn_lstm_create(f->device, 9, 25, &(nn_random){7});
    const parameter_list list = list_parameters(lstm);
    const size s = {1, 1, 9, 25};
    for (int p = 0; p < PARAMETERS; p++) {
        float *values = read_tensor(f, &list.items[p].value);
        double square = 0;
        for (size_t i = 0; i < input_count(&s, p); i++) {
            assert_true(fabsf(values[i]) <= 0.2f);
            square += (double)values[i] * (double)values[i];
        }
        assert_near(square / (double)input_count(&s, p), 0.04 / 3, 0.003, NAMES[p], 0);
        free(values);
    }
    nn_module_destroy(lstm);
}

static void test_errors(void **state) {
    fixture *f = *state;
    nn_module *lstm = nn_lstm_create(f->device, 4, 3, &f->random);
    static const struct {
        uint32_t rank, shape[3];
        const char *text;
    } mistakes[] = {{2, {2, 4}, "x has rank 2, 4 steps and 4 features, expected rank 3, 1 or more and 4"},
                    {3, {2, 5, 3}, "x has rank 3, 5 steps and 3 features, expected rank 3, 1 or more and 4"},
                    {3, {2, 0, 4}, "x has rank 3, 0 steps and 4 features, expected rank 3, 1 or more and 4"}};
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        nn_begin(f->device);
        const vkn_tensor x = nn_tensor_create(f->device, NN_STEP, VKN_F32, mistakes[i].rank, mistakes[i].shape);
        assert_null(nn_module_forward(lstm, x).buffer);
        assert_failure(f, VKN_BAD_ARGUMENT, mistakes[i].text);
    }
    nn_begin(f->device);
    const vkn_tensor x = nn_tensor_create(f->device, NN_STEP, VKN_F32, 3, (const uint32_t[]){2, 5, 4});
    nn_module_forward(lstm, x);
    assert_null(nn_module_backward(lstm, x, true).buffer);
    assert_failure(f, VKN_BAD_ARGUMENT, "dy has 40 elements, y has 30");
    nn_module_destroy(lstm);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lstm), cmocka_unit_test(test_finite_differences),
                                       cmocka_unit_test(test_saturated), cmocka_unit_test(test_start),
                                       cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests_name("nn lstm", tests, fixture_open, fixture_close);
}
