// SPDX-License-Identifier: MIT
#include "data.h"

#include <math.h>
#include <stdlib.h>

#include "half.h"

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(uint64_t seed, uint64_t index) {
    uint64_t bits = mix(mix(seed * 0x9e3779b97f4a7c15u + 1) + index * 0x9e3779b97f4a7c15u);
    return ((double)(bits >> 11) + 0.5) * 0x1p-53;
}

double data_normal(uint64_t seed, uint64_t index) {
    return sqrt(-2 * log(uniform(seed, 2 * index))) * cos(6.283185307179586 * uniform(seed, 2 * index + 1));
}

static void spike_each_group(const struct reference *r, float *x) {
    unsigned char *seen = calloc(r->groups + 1, 1);
    if (!seen) abort();
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t g = reference_group(r, i);
        if (!seen[g]) x[i] = 1e4f;
        seen[g] = 1;
    }
    free(seen);
}

struct moments {
    double mean, deviation;
};

static struct moments moments_of(enum data_kind kind, vkn_dtype dtype) {
    static const struct moments all[] = {
        [DATA_NORMAL] = {0.3, 1},      [DATA_FAR] = {1e4, 1},        [DATA_OUTLIER] = {0.3, 1},
        [DATA_CONSTANT] = {3.7321, 0}, [DATA_TINY] = {3e-16, 1e-15}, [DATA_NONFINITE] = {0.3, 1},
        [DATA_BIG] = {5e4, 8e3},
    };
    static const struct moments tiny_half = {3e-7, 1e-6};
    return kind == DATA_TINY && dtype == VKN_F16 ? tiny_half : all[kind];
}

double data_mean(enum data_kind kind, vkn_dtype dtype) {
    return moments_of(kind, dtype).mean;
}

double data_deviation(enum data_kind kind, vkn_dtype dtype) {
    return moments_of(kind, dtype).deviation;
}

void data_round(vkn_dtype dtype, uint64_t count, float *values) {
    for (uint64_t i = 0; i < count && dtype != VKN_F32; i++)
        values[i] = (float)dtype_round(dtype, (double)values[i]);
}

void data_fill(enum data_kind kind, vkn_dtype dtype, uint64_t seed, const struct reference *r, float *x) {
    struct moments m = moments_of(kind, dtype);
    for (uint64_t i = 0; i < r->count; i++) {
        double value = m.mean + m.deviation * data_normal(seed, i);
        x[i] = (float)(kind == DATA_BIG ? fmin(value, 65504) : value);
    }
    if (kind == DATA_OUTLIER) spike_each_group(r, x);
    if (kind == DATA_NONFINITE && r->count) {
        x[r->count / 3] = NAN;
        x[r->count - 1] = INFINITY;
    }
    data_round(dtype, r->count, x);
}

void data_fill_gradient(uint64_t seed, uint64_t count, float *dy) {
    for (uint64_t i = 0; i < count; i++) {
        dy[i] = (float)(0.25 + data_normal(seed ^ 0x5eed, i) + 0.5 * data_normal(seed, i));
    }
}

void data_fill_parameter(uint64_t seed, uint64_t count, double offset, double scale, float *out) {
    for (uint64_t i = 0; i < count; i++)
        out[i] = (float)(offset + scale * data_normal(seed, i));
}

void data_fill_variance(uint64_t seed, uint64_t count, double scale, float *out) {
    for (uint64_t i = 0; i < count; i++)
        out[i] = (float)(scale * fmax(0.2, 1 + 0.3 * data_normal(seed, i)));
}
