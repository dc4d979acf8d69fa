// SPDX-License-Identifier: MIT
// Modules in a chain, and what a device does from step to step.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "fixture.h"
#include "linear.h"
#include "loss.h"
#include "norm.h"
#include "reference.h"
#include "sequential.h"

// Linear(5, 6) - batch norm - ReLU - Linear(6, 1) - loss, in double, for finite differences.
enum { N = 8, IN = 5, HIDDEN = 6, PARAMETERS = 6 };
typedef struct network {
    double *p[PARAMETERS]; // weight and bias of the first linear, of the norm, of the second linear
    double *x, *t;
} network;

static double network_loss(const network *net) {
    double h[N * HIDDEN], z[N], loss = 0;
    reference_matmul(&(reference_product){N, HIDDEN, IN, 0, 1, net->x, net->p[0], net->p[1]}, h, NULL);
    for (int c = 0; c < HIDDEN; c++) {
        double mean = 0, var = 0;
        for (int n = 0; n < N; n++)
            mean += h[n * HIDDEN + c] / N;
        for (int n = 0; n < N; n++)
            var += (h[n * HIDDEN + c] - mean) * (h[n * HIDDEN + c] - mean) / N;
        for (int n = 0; n < N; n++) {
            double *value = &h[n * HIDDEN + c];
            *value = fmax((*value - mean) / sqrt(var + 1e-5) * net->p[2][c] + net->p[3][c], 0);
        }
    }
    reference_matmul(&(reference_product){N, 1, HIDDEN, 0, 1, h, net->p[4], net->p[5]}, z, NULL);
    for (int n = 0; n < N; n++)
        loss += reference_bce(z[n], net->t[n]) / N;
    return loss;
}

static nn_module *network_create(fixture *f) {
    const vkn_layer_info norm = vkn_layer_defaults(VKN_BATCH, HIDDEN);
    nn_module *module = nn_sequential_create(f->device);
    nn_sequential_add(module, nn_linear_create(f->device, IN, HIDDEN, &f->random));
    nn_sequential_add(module, nn_norm_create(f->device, &norm));
    nn_sequential_add(module, nn_relu_create(f->device));
    nn_sequential_add(module, nn_linear_create(f->device, HIDDEN, 1, &f->random));
    assert_true(nn_ok(f->device));
    return module;
}

static void check_gradient(const network *net, double *values, size_t count, const float *grad) {
    for (size_t i = 0; i < count; i++) {
        const double value = values[i], h = 1e-6;
        values[i] = value + h;
        const double above = network_loss(net);
        values[i] = value - h;
        const double below = network_loss(net);
        values[i] = value;
        assert_near((double)grad[i], (above - below) / (2 * h), 2e-6, "gradient", i);
    }
}

static void test_network_finite_differences(void **state) {
    fixture *f = *state;
    nn_module *module = network_create(f);
    float *x = random_floats(f, (size_t)N * IN, 1), t[N];
    for (int i = 0; i < N; i++)
        t[i] = (float)(i % 2);
    const box tx = box_create(f, N, IN, x), tt = box_create(f, N, 1, t), tloss = box_create(f, 1, 1, NULL);
    nn_begin(f->device);
    const vkn_tensor logits = nn_module_forward(module, tx.inside);
    const vkn_tensor dlogits = nn_tensor_like(f->device, &logits);
    nn_bce_with_logits(f->device, &logits, &tt.inside, N, &tloss.inside, NULL, &dlogits);
    const vkn_tensor tdx = nn_module_backward(module, dlogits, true);
    const parameter_list list = list_parameters(module);
    assert_int_equal(list.count, PARAMETERS);
    vkn_tensor tgrads[PARAMETERS];
    for (int p = 0; p < PARAMETERS; p++) {
        tgrads[p] = nn_tensor_like(f->device, &list.items[p].grad); // a norm's tensors lie in the library's buffers
        nn_copy(f->device, &list.items[p].grad, &tgrads[p]);
    }
    submit(f);

    network net = {.x = to_doubles(x, (size_t)N * IN), .t = to_doubles(t, N)};
    float *values[PARAMETERS], *grads[PARAMETERS];
    for (int p = 0; p < PARAMETERS; p++) {
        const size_t count = vkn_tensor_count(&list.items[p].value);
        const bool norm = p == 2 || p == 3; // which start at 1 and 0
        values[p] = norm ? random_floats(f, count, 0) : read_tensor(f, &list.items[p].value);
        grads[p] = read_tensor(f, &tgrads[p]);
        net.p[p] = to_doubles(values[p], count);
        for (size_t i = 0; p == 2 && i < count; i++)
            net.p[p][i] = 1;
    }
    float *loss = box_read(f, &tloss), *dx = read_tensor(f, &tdx);
    assert_near((double)loss[0], network_loss(&net), 1e-6, "loss", 0);
    check_gradient(&net, net.x, (size_t)N * IN, dx);
    for (int p = 0; p < PARAMETERS; p++) {
        check_gradient(&net, net.p[p], vkn_tensor_count(&list.items[p].value), grads[p]);
    }
    for (int p = 0; p < PARAMETERS; p++) {
        free(values[p]);
        free(grads[p]);
        free(net.p[p]);
    }
    void *all[] = {x, net.x, net.t, loss, dx};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    nn_module_destroy(module);
}

// In eval mode a record's result does not depend on its batch; in training it does.
static void test_train_and_eval(void **state) {
    fixture *f = *state;
    nn_module *module = network_create(f);
    float *x = random_floats(f, (size_t)N * IN, 1);
    const box tx = box_create(f, N, IN, x);
    for (int training = 0; training < 2; training++) {
        nn_module_train(module, training);
        nn_begin(f->device);
        const vkn_tensor all = nn_module_forward(module, tx.inside);
        const vkn_tensor first_x = nn_rows(f->device, &tx.inside, 0, N / 2);
        const vkn_tensor first = nn_module_forward(module, first_x);
        submit(f);
        float *all_y = read_tensor(f, &all), *first_y = read_tensor(f, &first);
        double difference = 0;
        for (int i = 0; i < N / 2; i++)
            difference = fmax(difference, fabs((double)(all_y[i] - first_y[i])));
        assert_true(training ? difference > 1e-3 : difference < 1e-6);
        free(all_y);
        free(first_y);
    }
    free(x);
    nn_module_destroy(module);
}

// The library's own errors come through, and nothing is submitted.
static void test_norm_error(void **state) {
    fixture *f = *state;
    nn_module *module = network_create(f);
    const vkn_tensor x = nn_matrix(f->device, NN_FOREVER, 1, IN);
    nn_zero(f->device, &x);
    nn_begin(f->device);
    nn_module_forward(module, x);
    assert_failure(f, VKN_BAD_ARGUMENT, "Expected more than 1 value per channel when training, got input size [1, 6]");
    nn_module_destroy(module);
}

// The first failure stays, and nothing moves until it is cleared.
static void test_failure_stays(void **state) {
    fixture *f = *state;
    nn_begin(f->device);
    nn_fail(f->device, VKN_IO, "first %d", 1);
    nn_fail(f->device, VKN_BAD_FILE, "second");
    assert_null(nn_matrix(f->device, NN_STEP, 1, 1).buffer);
    assert_int_equal(nn_submit(f->device), VKN_IO);
    assert_string_equal(nn_message(f->device), "first 1");
    assert_failure(f, VKN_IO, "first 1");
    const vkn_tensor foreign = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, VKN_CHANNELS_FIRST, 1, (uint32_t[]){1});
    float value;
    nn_download(f->device, &foreign, &value);
    assert_failure(f, VKN_BAD_ARGUMENT, "its buffer is not one of this device");
    const vkn_tensor three = nn_vector(f->device, NN_FOREVER, VKN_F32, 3);
    nn_rows(f->device, &three, 2, 2);
    assert_failure(f, VKN_BAD_ARGUMENT, "2 from row 2 on, of a tensor that has 3");
}

// Many steps, each larger than a descriptor pool, use what the first one allocated.
static void test_warm_steps_allocate_nothing(void **state) {
    fixture *f = *state;
    nn_module *module = network_create(f);
    nn_module_train(module, false);
    float *x = random_floats(f, (size_t)N * IN, 1);
    const box tx = box_create(f, N, IN, x);
    uint32_t chunks = 0, pools = 0;
    for (int step = 0; step < 5; step++) {
        nn_begin(f->device);
        for (int i = 0; i < 50; i++)
            nn_module_forward(module, tx.inside);
        submit(f);
        if (step == 0) {
            chunks = f->device->arenas[NN_STEP].chunk_count;
            pools = f->device->pool_count;
        }
        assert_int_equal(f->device->arenas[NN_STEP].chunk_count, chunks);
        assert_int_equal(f->device->pool_count, pools);
    }
    assert_true(pools > 1);
    free(x);
    nn_module_destroy(module);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network_finite_differences),
        cmocka_unit_test(test_train_and_eval),
        cmocka_unit_test(test_norm_error),
        cmocka_unit_test(test_failure_stays),
        cmocka_unit_test(test_warm_steps_allocate_nothing),
    };
    return cmocka_run_group_tests_name("nn training", tests, fixture_open, fixture_close);
}
