// SPDX-License-Identifier: MIT
// Tensors of more than 160 MiB, beyond what one descriptor of lavapipe can see (128 MiB), with no limit forced: each
// kind, forward and backward, every element compared. x and dy are functions of the place, so that nothing of that size
// is kept on the host, and have a trend, so that a part that is left out or read twice shows in every sum.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "half.h"
#include "rig.h"

// Memory as [a][b][k], and the strides at which the statistic group and the weight (modulo their number) follow.
struct view {
    uint64_t a, b, k;
    uint64_t group_a, group_b, group_k;
    uint64_t feature_a, feature_b, feature_k;
};

struct large_case {
    const char *name;
    vkn_norm norm;
    vkn_layout layout;
    vkn_dtype dtype;
    uint32_t rank, shape[VKN_MAX_RANK];
    struct view view;
    uint64_t groups, features;
};

static struct large_case cases[] = {
    {"batch",
     {VKN_BATCH, 1, 1, 1e-5f, 0, 0},
     VKN_CHANNELS_FIRST,
     VKN_F32,
     3,
     {6, 7, 1000003},
     {6, 7, 1000003, 0, 1, 0, 0, 1, 0},
     7,
     7},
    {"batch, channels last",
     {VKN_BATCH, 1, 1, 1e-5f, 0, 0},
     VKN_CHANNELS_LAST,
     VKN_F32,
     3,
     {6, 37, 189301},
     {1, 1135806, 37, 0, 0, 1, 0, 0, 1},
     37,
     37},
    {"instance",
     {VKN_INSTANCE, 1, 1, 1e-5f, 0, 0},
     VKN_CHANNELS_FIRST,
     VKN_F32,
     3,
     {3, 5, 2800001},
     {1, 15, 2800001, 0, 1, 0, 0, 1, 0},
     15,
     5},
    {"group",
     {VKN_GROUP, 4, 1, 1e-5f, 0, 0},
     VKN_CHANNELS_FIRST,
     VKN_F32,
     3,
     {2, 8, 2625001},
     {8, 2, 2625001, 1, 0, 0, 2, 1, 0},
     8,
     8},
    {"layer",
     {VKN_LAYER, 1, 1, 1e-5f, 0, 0},
     VKN_CHANNELS_FIRST,
     VKN_F32,
     2,
     {41001, 1025},
     {1, 41001, 1025, 0, 1, 0, 0, 0, 1},
     41001,
     1025},
    {"rms",
     {VKN_RMS, 1, 1, 1e-5f, 0, 0},
     VKN_CHANNELS_FIRST,
     VKN_F32,
     2,
     {338801, 124},
     {1, 338801, 124, 0, 1, 0, 0, 0, 1},
     338801,
     124},
    {"batch, f16",
     {VKN_BATCH, 1, 1, 1e-5f, 0, 0},
     VKN_CHANNELS_FIRST,
     VKN_F16,
     3,
     {6, 7, 2000003},
     {6, 7, 2000003, 0, 1, 0, 0, 1, 0},
     7,
     7},
};

enum { LEVELS = 2048, ZERO_LEVEL = 1024, MOST_FEATURES = 1025, SLICE = 1 << 20 };

static struct rig rig;
static float weight[MOST_FEATURES], bias[MOST_FEATURES];
static uint16_t halves[LEVELS]; // f16 of each level
static void *slice;             // elements on their way between host and device

// What is rounded to a pattern of f16: from halfway to the neighbour below to halfway to the one above.
static struct range { float low, high; } * ranges;

static struct range range_of(uint32_t pattern) {
    uint16_t magnitude = pattern & 0x7fff;
    double value = half_decode(VKN_F16, magnitude), rounding = half_rounding(VKN_F16, value);
    // Below a power of two the last place is half as large.
    bool first = magnitude > 0x400 && !(magnitude & 0x3ff);
    struct range r = {(float)(value - (first ? rounding / 2 : rounding)), (float)(value + rounding)};
    return pattern & 0x8000 ? (struct range){-r.high, -r.low} : r;
}

static int setup(void **state) {
    (void)state;
    ranges = calloc(0x10000, sizeof *ranges);
    slice = calloc(SLICE, sizeof(float));
    if (!ranges || !slice) return -1;
    for (uint32_t p = 0; p < 0x10000; p++)
        ranges[p] = range_of(p);
    for (int k = 0; k < LEVELS; k++)
        halves[k] = half_encode(VKN_F16, (k - ZERO_LEVEL) / 256.);
    for (int f = 0; f < MOST_FEATURES; f++) {
        weight[f] = 1 + (float)(f % 13) / 16;
        bias[f] = (float)(f % 7) / 4 - 1;
    }
    return rig_open(&rig, NULL);
}

static int teardown(void **state) {
    (void)state;
    rig_close(&rig);
    free(ranges);
    free(slice);
    return 0;
}

enum tensor { X_LEVELS = 1, DY_LEVELS = 77 };

// A value is (level - ZERO_LEVEL) / 256: ten bits that look random, and the trend. f16 has all of them.
static uint32_t level_of(enum tensor t, uint64_t i) {
    uint32_t h = ((uint32_t)i + (uint32_t)t) * 2654435761u;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    return (h >> 22) + ((uint32_t)(i >> 17) & 511);
}

static double value_of(enum tensor t, uint64_t i) {
    return ((double)level_of(t, i) - ZERO_LEVEL) / 256;
}

static void upload(vkn_buffer *buffer, enum tensor t, vkn_dtype dtype, uint64_t count) {
    for (uint64_t first = 0; first < count; first += SLICE) {
        uint64_t n = count - first < SLICE ? count - first : SLICE;
        for (uint64_t i = 0; i < n; i++) {
            uint32_t level = level_of(t, first + i);
            if (dtype == VKN_F16)
                ((uint16_t *)slice)[i] = halves[level];
            else
                ((float *)slice)[i] = (float)((double)level - ZERO_LEVEL) / 256;
        }
        MUST(vkn_buffer_upload(buffer, first * dtype_size(dtype), slice, n * dtype_size(dtype)));
    }
}

// Sums of each statistic group and of each weight, in double.
struct sums {
    double *mean, *var, *rstd, *g, *gx, *dweight, *dbias;
};

// The k elements from element i on, and the statistic group and the feature of the first.
struct row {
    uint64_t next, i, group, feature;
};

static bool row_next(const struct large_case *c, struct row *r) {
    const struct view *v = &c->view;
    if (r->next == v->a * v->b) return false;
    uint64_t a = r->next / v->b, b = r->next % v->b;
    r->i = r->next++ * v->k;
    r->group = a * v->group_a + b * v->group_b;
    r->feature = (a * v->feature_a + b * v->feature_b) % c->features;
    return true;
}

static double *doubles(uint64_t count) {
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

static struct sums sums_make(const struct large_case *c, uint64_t count) {
    double n = (double)count / (double)c->groups;
    struct sums s = {doubles(c->groups), doubles(c->groups),   doubles(c->groups),  doubles(c->groups),
                     doubles(c->groups), doubles(c->features), doubles(c->features)};
    const struct view *v = &c->view;
    for (struct row r = {0}; c->norm.kind != VKN_RMS && row_next(c, &r);)
        for (uint64_t k = 0; k < v->k; k++)
            s.mean[r.group + k * v->group_k] += value_of(X_LEVELS, r.i + k) / n;
    for (struct row r = {0}; row_next(c, &r);) {
        for (uint64_t k = 0; k < v->k; k++) {
            uint64_t g = r.group + k * v->group_k;
            double apart = value_of(X_LEVELS, r.i + k) - s.mean[g];
            s.var[g] += apart * apart / n;
        }
    }
    for (uint64_t g = 0; g < c->groups; g++)
        s.rstd[g] = 1 / sqrt(s.var[g] + (double)c->norm.eps);
    for (struct row r = {0}; row_next(c, &r);) {
        for (uint64_t k = 0; k < v->k; k++) {
            uint64_t g = r.group + k * v->group_k, f = r.feature + k * v->feature_k;
            double dy = value_of(DY_LEVELS, r.i + k), xhat = (value_of(X_LEVELS, r.i + k) - s.mean[g]) * s.rstd[g];
            s.g[g] += dy * (double)weight[f] / n;
            s.gx[g] += dy * (double)weight[f] * xhat / n;
            s.dweight[f] += dy * xhat;
            s.dbias[f] += dy;
        }
    }
    for (uint64_t g = 0; g < c->groups && c->norm.kind == VKN_RMS; g++)
        s.g[g] = 0;
    return s;
}

static void sums_destroy(struct sums *s) {
    double *all[] = {s->mean, s->var, s->rstd, s->g, s->gx, s->dweight, s->dbias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

// One element of y or dx.
static double want_of(const struct large_case *c, const struct sums *s, bool backward, uint64_t i, uint64_t g,
                      uint64_t f) {
    double xhat = (value_of(X_LEVELS, i) - s->mean[g]) * s->rstd[g];
    if (!backward) return xhat * (double)weight[f] + (c->norm.kind == VKN_RMS ? 0 : (double)bias[f]);
    return s->rstd[g] * (value_of(DY_LEVELS, i) * (double)weight[f] - s->g[g] - xhat * s->gx[g]);
}

// y and dx are a few units large, so 64 units of 2^-23 is less than their bar; f16 is rounded after that.
static void check_elements(const struct large_case *c, const struct sums *s, bool backward, vkn_buffer *buffer,
                           uint64_t count) {
    const size_t size = dtype_size(c->dtype);
    const double bar = 64 * 0x1p-23;
    const struct view *v = &c->view;
    for (struct row r = {0}; row_next(c, &r);) {
        for (uint64_t k = 0; k < v->k; k++) {
            uint64_t i = r.i + k, at = i % SLICE;
            if (at == 0) {
                uint64_t n = count - i < SLICE ? count - i : SLICE;
                MUST(vkn_buffer_download(buffer, i * size, slice, n * size));
            }
            double want = want_of(c, s, backward, i, r.group + k * v->group_k, r.feature + k * v->feature_k);
            float got = ((float *)slice)[at];
            struct range rounded = {got, got};
            if (c->dtype == VKN_F16) rounded = ranges[((uint16_t *)slice)[at]];
            if ((double)rounded.low - bar <= want && want <= (double)rounded.high + bar) continue;
            fail_msg("%s[%llu] is within %.9g and %.9g, must be %.9g", backward ? "dx" : "y", (unsigned long long)i,
                     (double)rounded.low, (double)rounded.high, want);
        }
    }
}

static void check_vector(const char *name, vkn_buffer *buffer, uint64_t first, uint64_t count, const double *want) {
    float *got = slice;
    double scale = 0;
    MUST(vkn_buffer_download(buffer, first * sizeof *got, got, count * sizeof *got));
    for (uint64_t i = 0; i < count; i++)
        scale = fmax(scale, fabs(want[i]));
    for (uint64_t i = 0; i < count; i++) {
        if (!(fabs((double)got[i] - want[i]) <= 64 * 0x1p-23 * scale))
            fail_msg("%s[%llu] is %.9g, must be %.9g", name, (unsigned long long)i, (double)got[i], want[i]);
    }
}

static vkn_tensor vector_of(vkn_buffer *buffer, uint64_t first, uint64_t count) {
    const uint32_t shape[] = {(uint32_t)count};
    return vkn_tensor_make(vkn_buffer_handle(buffer), first * sizeof(float), VKN_F32, VKN_CHANNELS_FIRST, 1, shape);
}

static void large_tensor(void **state) {
    const struct large_case *c = *state;
    vkn_buffer *x = NULL, *y = NULL, *small = NULL; // y: then dy, then dx. small: weight, bias, their gradients
    vkn_tensor t = vkn_tensor_make(VK_NULL_HANDLE, 0, c->dtype, c->layout, c->rank, c->shape);
    uint64_t count = vkn_tensor_count(&t), n = c->features;
    VkDeviceSize bytes = (count * dtype_size(c->dtype) + 3) / 4 * 4;
    assert_true(bytes > 160 << 20 && count % c->groups == 0);
    MUST(vkn_buffer_create(rig.context, bytes, &x));
    MUST(vkn_buffer_create(rig.context, bytes, &y));
    MUST(vkn_buffer_create(rig.context, (4 * n + 4 * c->groups) * sizeof(float), &small));
    MUST(vkn_buffer_upload(small, 0, weight, n * sizeof(float)));
    MUST(vkn_buffer_upload(small, n * sizeof(float), bias, n * sizeof(float)));
    upload(x, X_LEVELS, c->dtype, count);
    vkn_tensor in = t, out = t;
    in.buffer = vkn_buffer_handle(x);
    in.texels = vkn_buffer_texels(x);
    out.buffer = vkn_buffer_handle(y);
    vkn_tensor statistics = vector_of(small, 4 * n, 4 * c->groups);
    vkn_forward_args forward = {
        .x = in, .y = out, .weight = vector_of(small, 0, n), .statistics = statistics, .training = true};
    vkn_backward_args backward = {.x = in,
                                  .dy = out,
                                  .dx = out,
                                  .weight = forward.weight,
                                  .statistics = statistics,
                                  .dweight = vector_of(small, 2 * n, n),
                                  .training = true};
    if (c->norm.kind != VKN_RMS) {
        forward.bias = vector_of(small, n, n);
        backward.dbias = vector_of(small, 3 * n, n);
    }
    struct sums s = sums_make(c, count);
    MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
    MUST(vkn_norm_forward(rig.recorder, &c->norm, &forward));
    MUST(vkn_recorder_submit_and_wait(rig.recorder));
    check_elements(c, &s, false, y, count);
    upload(y, DY_LEVELS, c->dtype, count);
    MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
    MUST(vkn_norm_backward(rig.recorder, &c->norm, &backward));
    MUST(vkn_recorder_submit_and_wait(rig.recorder));
    check_elements(c, &s, true, y, count);
    check_vector("dweight", small, 2 * n, n, s.dweight);
    if (c->norm.kind != VKN_RMS) check_vector("dbias", small, 3 * n, n, s.dbias);
    sums_destroy(&s);
    vkn_buffer_destroy(x);
    vkn_buffer_destroy(y);
    vkn_buffer_destroy(small);
}

int main(void) {
    struct CMUnitTest tests[sizeof cases / sizeof *cases];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        tests[i] = (struct CMUnitTest){cases[i].name, large_tensor, NULL, NULL, &cases[i]};
    return cmocka_run_group_tests_name("large", tests, setup, teardown);
}
