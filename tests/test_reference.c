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
    bool frozen;
};

static struct reference_case cases[] = {
    {"batch", {VKN_BATCH, 1, 1, 1e-3f}, VKN_CHANNELS_FIRST, 4, {3, 4, 2, 5}, false},
    {"batch channels last", {VKN_BATCH, 1, 1, 1e-3f}, VKN_CHANNELS_LAST, 4, {3, 4, 2, 5}, false},
    {"batch [N, C]", {VKN_BATCH, 1, 1, 1e-3f}, VKN_CHANNELS_FIRST, 2, {9, 5}, false},
    {"batch frozen", {VKN_BATCH, 1, 1, 1e-3f}, VKN_CHANNELS_FIRST, 3, {3, 4, 5}, true},
    {"instance", {VKN_INSTANCE, 1, 1, 1e-3f}, VKN_CHANNELS_FIRST, 3, {3, 4, 6}, false},
    {"instance channels last", {VKN_INSTANCE, 1, 1, 1e-3f}, VKN_CHANNELS_LAST, 5, {2, 3, 2, 3, 2}, false},
    {"instance frozen", {VKN_INSTANCE, 1, 1, 1e-3f}, VKN_CHANNELS_LAST, 3, {2, 3, 7}, true},
    {"group", {VKN_GROUP, 3, 1, 1e-3f}, VKN_CHANNELS_FIRST, 4, {2, 6, 2, 2}, false},
    {"group channels last", {VKN_GROUP, 2, 1, 1e-3f}, VKN_CHANNELS_LAST, 4, {2, 6, 2, 2}, false},
    {"layer", {VKN_LAYER, 1, 2, 1e-3f}, VKN_CHANNELS_FIRST, 4, {2, 3, 4, 3}, false},
    {"layer channels last", {VKN_LAYER, 1, 2, 1e-3f}, VKN_CHANNELS_LAST, 4, {2, 5, 4, 3}, false},
    {"layer rank 1", {VKN_LAYER, 1, 1, 1e-3f}, VKN_CHANNELS_FIRST, 1, {11}, false},
    {"rms", {VKN_RMS, 1, 1, 1e-3f}, VKN_CHANNELS_FIRST, 3, {2, 3, 7}, false},
    {"rms whole", {VKN_RMS, 1, 6, 1e-3f}, VKN_CHANNELS_LAST, 6, {1, 2, 2, 3, 2, 2}, false},
};

struct problem {
    struct reference r;
    bool frozen;
    double x[MOST], dy[MOST], weight[MOST], bias[MOST], fixed_mean[MOST], fixed_var[MOST];
};

// The loss whose gradients backward must give: the sum of y * dy.
static double loss_of(const struct problem *p) {
    double mean[MOST], var[MOST], rstd[MOST], y[MOST], loss = 0;
    reference_statistics(&p->r, p->x, mean, var);
    reference_rstd(&p->r, p->frozen ? p->fixed_var : var, rstd);
    reference_forward(&p->r, p->x, p->frozen ? p->fixed_mean : mean, rstd, p->weight, p->bias, y);
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
    p.frozen = c->frozen;
    assert_true(p.r.count <= MOST);
    for (uint64_t i = 0; i < MOST; i++) {
        p.x[i] = 0.5 + data_normal(1, i);
        p.dy[i] = data_normal(2, i);
        p.weight[i] = 1 + 0.3 * data_normal(3, i);
        p.bias[i] = p.r.norm.kind == VKN_RMS ? 0 : data_normal(4, i);
    }
    double mean[MOST], var[MOST], rstd[MOST], dx[MOST], dweight[MOST], dbias[MOST];
    double running_mean[MOST], running_var[MOST];
    for (uint64_t i = 0; i < MOST; i++)
        running_mean[i] = 0.2, running_var[i] = 1.5 + 0.1 * (double)(i % 7);
    reference_expand(&p.r, running_mean, p.fixed_mean);
    reference_expand(&p.r, running_var, p.fixed_var);
    reference_statistics(&p.r, p.x, mean, var);
    reference_rstd(&p.r, p.frozen ? p.fixed_var : var, rstd);
    reference_backward(&p.r, p.frozen, p.x, p.dy, p.frozen ? p.fixed_mean : mean, rstd, p.weight, dx, dweight, dbias);
    check_gradient(&p, p.x, dx, p.r.count);
    check_gradient(&p, p.weight, dweight, p.r.features);
    check_gradient(&p, p.bias, dbias, p.r.features);
}

static void layer_of_four(void **state) {
    (void)state;
    vkn_norm norm = {VKN_LAYER, 1, 1, 0};
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
    vkn_norm norm = {VKN_BATCH, 1, 1, 0};
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
    vkn_norm norm = {VKN_INSTANCE, 1, 1, 0};
    struct reference r = reference_make(&norm, VKN_CHANNELS_FIRST, 3, (uint32_t[]){2, 1, 2});
    double x[] = {1, 3, 10, 14}, mean[2], var[2], running_mean = 0, running_var = 0;
    reference_statistics(&r, x, mean, var);
    reference_running(&r, mean, var, 1, &running_mean, &running_var);
    assert_true(running_mean == 7 && running_var == 5);
}

int main(void) {
    struct CMUnitTest tests[sizeof cases / sizeof *cases + 3] = {
        cmocka_unit_test(layer_of_four),
        cmocka_unit_test(running_statistics_of_two_channels),
        cmocka_unit_test(instance_running_is_the_mean_over_samples),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tests[i + 3] = (struct CMUnitTest){cases[i].name, gradients_are_finite_differences, NULL, NULL, &cases[i]};
    }
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
