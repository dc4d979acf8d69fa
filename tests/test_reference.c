// SPDX-License-Identifier: MIT
// The reference itself: its gradients against finite differences of its forward, and a few values worked out by hand.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data.h"
#include "reference.h"

enum { MOST = 512 };

struct reference_case {
    const char *name;
    vkn_norm norm;
    vkn_layout layout;
    uint32_t rank, shape[VKN_MAX_RANK];
    bool frozen, per_sample;
};

static struct reference_case cases[] = {
    {"batch", {VKN_BATCH, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_FIRST, 4, {3, 4, 2, 5}, false, false},
    {"batch channels last", {VKN_BATCH, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_LAST, 4, {3, 4, 2, 5}, false, false},
    {"batch [N, C]", {VKN_BATCH, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_FIRST, 2, {9, 5}, false, false},
    {"batch frozen", {VKN_BATCH, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_FIRST, 3, {3, 4, 5}, true, false},
    {"instance", {VKN_INSTANCE, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_FIRST, 3, {3, 4, 6}, false, false},
    {"instance channels last", {VKN_INSTANCE, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_LAST, 5, {2, 3, 2, 3, 2}, false, false},
    {"instance frozen", {VKN_INSTANCE, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_LAST, 3, {2, 3, 7}, true, false},
    {"group", {VKN_GROUP, 3, 1, 1e-3f, 0, 0}, VKN_CHANNELS_FIRST, 4, {2, 6, 2, 2}, false, false},
    {"group channels last", {VKN_GROUP, 2, 1, 1e-3f, 0, 0}, VKN_CHANNELS_LAST, 4, {2, 6, 2, 2}, false, false},
    {"layer", {VKN_LAYER, 1, 2, 1e-3f, 0, 0}, VKN_CHANNELS_FIRST, 4, {2, 3, 4, 3}, false, false},
    {"layer channels last", {VKN_LAYER, 1, 2, 1e-3f, 0, 0}, VKN_CHANNELS_LAST, 4, {2, 5, 4, 3}, false, false},
    {"layer rank 1", {VKN_LAYER, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_FIRST, 1, {11}, false, false},
    {"rms", {VKN_RMS, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_FIRST, 3, {2, 3, 7}, false, false},
    {"rms whole", {VKN_RMS, 1, 6, 1e-3f, 0, 0}, VKN_CHANNELS_LAST, 6, {1, 2, 2, 3, 2, 2}, false, false},
    {"batch silu", {VKN_BATCH, 1, 1, 1e-3f, VKN_SILU, 0}, VKN_CHANNELS_LAST, 3, {3, 4, 5}, false, false},
    {"batch relu", {VKN_BATCH, 1, 1, 1e-3f, VKN_RELU, 0}, VKN_CHANNELS_FIRST, 3, {3, 4, 5}, false, false},
    {"batch silu frozen", {VKN_BATCH, 1, 1, 1e-3f, VKN_SILU, 0.5f}, VKN_CHANNELS_FIRST, 3, {3, 4, 5}, true, true},
    {"batch per sample", {VKN_BATCH, 1, 1, 1e-3f, 0, 0}, VKN_CHANNELS_LAST, 3, {3, 4, 5}, false, true},
    {"instance per sample", {VKN_INSTANCE, 1, 1, 1e-3f, VKN_RELU, 1}, VKN_CHANNELS_FIRST, 3, {3, 4, 6}, false, true},
    {"group per sample", {VKN_GROUP, 2, 1, 1e-3f, 0, -1}, VKN_CHANNELS_LAST, 3, {3, 4, 5}, false, true},
    {"layer per sample", {VKN_LAYER, 1, 1, 1e-3f, VKN_SILU, 1}, VKN_CHANNELS_LAST, 3, {3, 5, 4}, false, true},
    {"rms 1 + weight", {VKN_RMS, 1, 2, 1e-3f, VKN_SILU, 1}, VKN_CHANNELS_FIRST, 3, {2, 3, 7}, false, false},
    {"rms per sample", {VKN_RMS, 1, 2, 1e-3f, VKN_RELU, 0}, VKN_CHANNELS_FIRST, 4, {2, 3, 2, 7}, false, true},
};

struct problem {
    struct reference r;
    bool frozen;
    double x[MOST], dy[MOST], weight[MOST], bias[MOST], residual[MOST], fixed_mean[MOST], fixed_var[MOST];
};

static void normalize(const struct problem *p, double *mean, double *rstd, double *z) {
    double var[MOST];
    reference_statistics(&p->r, p->x, mean, var);
    reference_rstd(&p->r, p->frozen ? p->fixed_var : var, rstd);
    if (p->frozen) memcpy(mean, p->fixed_mean, sizeof p->fixed_mean);
    reference_affine(&p->r, p->x, mean, rstd, p->weight, p->bias, p->residual, z);
}

// The loss whose gradients backward must give: the sum of y * dy.
static double loss_of(const struct problem *p) {
    double mean[MOST], rstd[MOST], y[MOST], loss = 0;
    normalize(p, mean, rstd, y);
    reference_activate(&p->r, y, y);
    for (uint64_t i = 0; i < p->r.count; i++)
        loss += y[i] * p->dy[i];
    return loss;
}

static void check_gradient(const struct problem *p, double *values, const double *gradient, uint64_t count) {
    const double step = 1e-5;
    for (uint64_t i = 0; i < count; i++) {
        double value = values[i];
        values[i] = value + step;
        double above = loss_of(p);
        values[i] = value - step;
        double below = loss_of(p);
        values[i] = value;
        double difference = (above - below) / (2 * step);
        if (!(fabs(difference - gradient[i]) < 1e-6 * (1 + fabs(gradient[i])))) {
            fail_msg("element %d: gradient %.9g, finite difference %.9g", (int)i, gradient[i], difference);
        }
    }
}

static void gradients_are_finite_differences(void **state) {
    const struct reference_case *c = *state;
    static struct problem p;
    memset(&p, 0, sizeof p);
    p.r = reference_make(&c->norm, c->layout, c->rank, c->shape);
    if (c->per_sample) reference_set_per_sample(&p.r);
    p.frozen = c->frozen;
    assert_true(p.r.count <= MOST);
    for (uint64_t i = 0; i < MOST; i++) {
        p.x[i] = 0.5 + data_normal(1, i);
        p.dy[i] = data_normal(2, i);
        p.weight[i] = 1 + 0.3 * data_normal(3, i);
        p.bias[i] = p.r.norm.kind == VKN_RMS ? 0 : data_normal(4, i);
        p.residual[i] = data_normal(5, i);
    }
    double running_mean[MOST], running_var[MOST];
    for (uint64_t i = 0; i < MOST; i++)
        running_mean[i] = 0.2, running_var[i] = 1.5 + 0.1 * (double)(i % 7);
    reference_expand(&p.r, running_mean, p.fixed_mean);
    reference_expand(&p.r, running_var, p.fixed_var);
    double mean[MOST], rstd[MOST], z[MOST], dz[MOST], dx[MOST], dweight[MOST], dbias[MOST];
    normalize(&p, mean, rstd, z);
    reference_activate_grad(&p.r, z, p.dy, dz);
    reference_backward(&p.r, p.frozen, p.x, dz, mean, rstd, p.weight, dx, dweight, dbias);
    check_gradient(&p, p.x, dx, p.r.count);
    check_gradient(&p, p.weight, dweight, p.r.features);
    check_gradient(&p, p.bias, dbias, p.r.features);
    check_gradient(&p, p.residual, dz, p.r.count);
}

static void layer_of_four(void **state) {
    (void)state;
    vkn_norm norm = {VKN_LAYER, 1, 1, 0, 0, 0};
    struct reference r = reference_make(&norm, VKN_CHANNELS_FIRST, 1, (uint32_t[]){4});
    double x[] = {1, 2, 3, 6}, mean, var, rstd, y[4];
    reference_statistics(&r, x, &mean, &var);
    reference_rstd(&r, &var, &rstd);
    reference_forward(&r, x, &mean, &rstd, NULL, NULL, y);
    assert_true(mean == 3 && var == 3.5);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(y[i] - (x[i] - 3) / sqrt(3.5)) < 1e-15);
}

// Channels last keeps each pixel's channels together: [N = 1, C = 2, L = 3] in memory is c0 c1 c0 c1 c0 c1.
static void running_statistics_of_two_channels(void **state) {
    (void)state;
    vkn_norm norm = {VKN_BATCH, 1, 1, 0, 0, 0};
    struct reference r = reference_make(&norm, VKN_CHANNELS_LAST, 3, (uint32_t[]){1, 2, 3});
    double x[] = {1, 10, 2, 20, 6, 60}, mean[2], var[2], running_mean[] = {1, 0}, running_var[] = {1, 2};
    reference_statistics(&r, x, mean, var);
    assert_true(mean[0] == 3 && mean[1] == 30);
    reference_running(&r, mean, var, 0.5, running_mean, running_var);
    assert_true(running_mean[0] == 2 && running_mean[1] == 15);
    assert_true(fabs(running_var[0] - 4) < 1e-12 && fabs(running_var[1] - 351) < 1e-9);
}

static void instance_running_is_the_mean_over_samples(void **state) {
    (void)state;
    vkn_norm norm = {VKN_INSTANCE, 1, 1, 0, 0, 0};
    struct reference r = reference_make(&norm, VKN_CHANNELS_FIRST, 3, (uint32_t[]){2, 1, 2});
    double x[] = {1, 3, 10, 14}, mean[2], var[2], running_mean = 0, running_var = 0;
    reference_statistics(&r, x, mean, var);
    reference_running(&r, mean, var, 1, &running_mean, &running_var);
    assert_true(running_mean == 7 && running_var == 5);
    r.biased_running_var = true;
    reference_running(&r, mean, var, 1, &running_mean, &running_var);
    assert_true(running_mean == 7 && running_var == 2.5);
}

static void activations_at_known_points(void **state) {
    (void)state;
    vkn_norm norm = {VKN_LAYER, 1, 1, 0, VKN_SILU, 0};
    struct reference r = reference_make(&norm, VKN_CHANNELS_FIRST, 1, (uint32_t[]){4});
    const double z[] = {0, -1000, 1000, NAN}, dy[] = {2, 2, 2, 2};
    double y[4], dz[4];
    reference_activate(&r, z, y);
    reference_activate_grad(&r, z, dy, dz);
    assert_true(y[0] == 0 && y[1] == 0 && y[2] == 1000 && isnan(y[3]));
    assert_true(dz[0] == 1 && dz[1] == 0 && dz[2] == 2 && isnan(dz[3]));
    r.norm.activation = VKN_RELU;
    reference_activate(&r, z, y);
    reference_activate_grad(&r, z, dy, dz);
    assert_true(y[0] == 0 && y[1] == 0 && y[2] == 1000 && isnan(y[3]));
    assert_true(dz[0] == 0 && dz[1] == 0 && dz[2] == 2);
}

// What is known for one sample's weight must not reach the other's; the offset counts only where there is a weight.
static void weights_of_two_samples(void **state) {
    (void)state;
    vkn_norm norm = {VKN_INSTANCE, 1, 1, 0, 0, 1};
    struct reference r = reference_make(&norm, VKN_CHANNELS_LAST, 3, (uint32_t[]){2, 2, 2});
    reference_set_per_sample(&r);
    assert_true(r.features == 4);
    const double x[8] = {1, 1, 1, 1, 1, 1, 1, 1}, mean[4] = {0}, rstd[4] = {1, 1, 1, 1}, weight[] = {1, 2, 3, 4};
    double y[8];
    reference_forward(&r, x, mean, rstd, weight, NULL, y);
    const double want[] = {2, 3, 2, 3, 4, 5, 4, 5};
    assert_memory_equal(y, want, sizeof want);
    reference_forward(&r, x, mean, rstd, NULL, NULL, y);
    assert_memory_equal(y, x, sizeof x);
}

int main(void) {
    enum { PLAIN = 5 };
    struct CMUnitTest tests[sizeof cases / sizeof *cases + PLAIN] = {
        cmocka_unit_test(activations_at_known_points),
        cmocka_unit_test(weights_of_two_samples),
        cmocka_unit_test(layer_of_four),
        cmocka_unit_test(running_statistics_of_two_channels),
        cmocka_unit_test(instance_running_is_the_mean_over_samples),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tests[i + PLAIN] = (struct CMUnitTest){cases[i].name, gradients_are_finite_differences, NULL, NULL, &cases[i]};
    }
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
