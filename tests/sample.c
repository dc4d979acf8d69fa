// SPDX-License-Identifier: MIT
#include "sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "data.h"
#include "half.h"
#include "norm_case.h"

double *doubles_of(const float *values, uint64_t count) {
    if (!values) return NULL;
    double *copy = zeros(count, sizeof *copy);
    for (uint64_t i = 0; i < count; i++)
        copy[i] = (double)values[i];
    return copy;
}

void *zeros(uint64_t count, size_t size) {
    void *memory = calloc(count + 1, size);
    if (!memory) fail_msg("out of memory");
    return memory;
}

vkn_tensor vector_like(vkn_dtype dtype, uint64_t count) {
    return (vkn_tensor){.dtype = dtype, .rank = 1, .shape = {(uint32_t)count}};
}

void boxes_make(const struct rig *rig, uint32_t offsets, const struct operand *o, size_t count, struct box *boxes) {
    for (uint32_t i = 0; i < count; i++) {
        if (!o[i].present) continue;
        boxes[i] = box_make_values(rig->context, o[i].name, offset_of(offsets, i), o[i].like, o[i].data);
    }
}

// Values of N(offset, scale), as the dtype has them.
static float *parameter(vkn_dtype dtype, uint64_t seed, uint64_t count, double offset, double scale) {
    float *values = zeros(count, sizeof *values);
    data_fill_parameter(seed, count, offset, scale, values);
    data_round(dtype, count, values);
    return values;
}

// A residual before the norm takes half of x away, so that big values stay in range; h = x + residual is rounded.
static void add_before(struct sample *s, double deviation) {
    s->residual = parameter(s->like.dtype, 9, s->r.count, 0, 0.3 * deviation);
    for (uint64_t i = 0; i < s->r.count; i++)
        s->residual[i] -= 0.5f * s->x[i];
    data_round(s->like.dtype, s->r.count, s->residual);
    for (uint64_t i = 0; i < s->r.count; i++)
        s->x64[i] = dtype_round(s->like.dtype, (double)s->x[i] + (double)s->residual[i]);
}

static void make_parameters(struct sample *s, const struct norm_case *c, const struct norm_pass *pass) {
    double deviation = data_deviation(c->data, pass->dtype),
           scale = pass->weight_scale > 0 ? (double)pass->weight_scale : 1;
    const struct reference *r = &s->r;
    s->parameter = vector_like(pass->flags & PASS_AS_X ? pass->dtype : VKN_F32, r->features);
    vkn_dtype dtype = s->parameter.dtype;
    double weight = scale - (double)pass->weight_offset;
    if (pass->flags & PASS_WEIGHT) s->weight = parameter(dtype, 3, r->features, weight, 0.3 * scale);
    if (pass->flags & PASS_BIAS) s->bias = parameter(dtype, 4, r->features, 0, 0.5);
    if (pass->flags & PASS_ADD_AFTER) s->residual = parameter(pass->dtype, 9, r->count, 0, 0.7);
    if (pass->flags & PASS_RUNNING) {
        if (!(deviation > 0)) deviation = 1;
        s->running_mean = parameter(VKN_F32, 5, r->channels, data_mean(c->data, pass->dtype), 0.5 * deviation);
        s->running_var = zeros(r->channels, sizeof *s->running_var);
        data_fill_variance(6, r->channels, deviation * deviation, s->running_var);
    }
    s->weight64 = doubles_of(s->weight, r->features);
    s->bias64 = doubles_of(s->bias, r->features);
    s->residual64 = doubles_of(s->residual, r->count);
}

static void use_statistics(struct sample *s) {
    const struct reference *r = &s->r;
    s->used_mean = zeros(r->groups, sizeof *s->used_mean);
    s->used_rstd = zeros(r->groups, sizeof *s->used_rstd);
    for (uint64_t g = 0; g < r->groups; g++) {
        s->used_mean[g] = s->frozen ? (double)s->running_mean[g % r->channels] : s->mean[g];
        s->used_rstd[g] = s->frozen ? (double)s->running_var[g % r->channels] : s->var[g];
    }
    reference_rstd(r, s->used_rstd, s->used_rstd);
}

struct sample sample_make_for(const struct norm_case *c, const struct norm_pass *pass) {
    vkn_norm norm = c->norm;
    norm.activation = pass->activation;
    norm.weight_offset = pass->weight_offset;
    struct sample s = {.r = reference_make(&norm, c->layout, c->rank, c->shape)};
    if (pass->flags & PASS_PER_SAMPLE) reference_set_per_sample(&s.r);
    s.r.biased_running_var = pass->flags & PASS_BIASED;
    s.frozen = (pass->flags & PASS_RUNNING) && !(pass->flags & PASS_TRAINING);
    s.like = vkn_tensor_make(VK_NULL_HANDLE, 0, pass->dtype, c->layout, c->rank, c->shape);
    s.x = zeros(s.r.count, sizeof *s.x);
    data_fill(c->data, pass->dtype, 1, &s.r, s.x);
    s.x64 = doubles_of(s.x, s.r.count);
    if (pass->flags & PASS_ADD_BEFORE) add_before(&s, data_deviation(c->data, pass->dtype));
    make_parameters(&s, c, pass);
    s.mean = zeros(s.r.groups, sizeof *s.mean);
    s.var = zeros(s.r.groups, sizeof *s.var);
    s.rstd = zeros(s.r.groups, sizeof *s.rstd);
    reference_statistics(&s.r, s.x64, s.mean, s.var);
    reference_rstd(&s.r, s.var, s.rstd);
    use_statistics(&s);
    return s;
}

struct sample sample_make(const struct norm_case *c) {
    const struct norm_pass plain = {.name = "plain", .flags = PASS_TRAINING, .dtype = VKN_F32};
    return sample_make_for(c, &plain);
}

void sample_destroy(struct sample *s) {
    void *owned[] = {s->x,           s->residual, s->weight, s->bias,      s->running_mean,
                     s->running_var, s->x64,      s->var,    s->weight64,  s->residual64,
                     s->bias64,      s->mean,     s->rstd,   s->used_mean, s->used_rstd};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    *s = (struct sample){0};
}

double sample_weight(const struct sample *s, uint64_t element) {
    return s->weight64 ? s->weight64[reference_feature(&s->r, element)] + (double)s->r.norm.weight_offset : 1;
}

float *sample_statistics(const struct sample *s) {
    float *all = zeros(4 * s->r.groups, sizeof *all);
    for (uint64_t g = 0; g < s->r.groups; g++) {
        float *saved = all + 4 * g;
        saved[0] = (float)s->mean[g];
        saved[1] = (float)(s->mean[g] - (double)saved[0]);
        saved[2] = (float)s->rstd[g];
        saved[3] = (float)s->var[g];
    }
    return all;
}

// mean and its low part together hold 48 bits of the mean, and are as accurate as f32 sums of distances from it can be:
// 64 units of 2^-23 of the deviation. The variance can only be off by the square of what the mean is, and by its own
// rounding; rms has no mean.
int sample_check_statistics(const struct sample *s, const char *label, const struct box *box) {
    const struct reference *r = &s->r;
    static const char *const names[] = {"mean and low part", "rstd", "variance"};
    const double *want[] = {s->mean, s->rstd, s->var};
    const float *saved = box_floats(box);
    double *got[3], *bar[3];
    for (int i = 0; i < 3; i++) {
        got[i] = zeros(r->groups, sizeof(double));
        bar[i] = zeros(r->groups, sizeof(double));
    }
    for (uint64_t g = 0; g < r->groups; g++, saved += 4) {
        double pair = 0x1p-47 * fabs(s->mean[g]);
        got[0][g] = (double)saved[0] + (double)saved[1];
        got[1][g] = (double)saved[2];
        got[2][g] = (double)saved[3];
        bar[0][g] = ulps64(sqrt(s->var[g])) + pair;
        bar[1][g] = ulps64(s->rstd[g]);
        bar[2][g] = ulps64(s->var[g]) + pair * pair;
    }
    int faults = 0;
    for (int i = 0; i < 3; i++) {
        bool exact = i == 0 && r->norm.kind == VKN_RMS;
        faults += compare_values(label, names[i], got[i], want[i], r->groups, 0, exact ? NULL : bar[i]);
        free(got[i]);
        free(bar[i]);
    }
    return faults;
}

// At relu's kink the mask may go either way, so dy is zero wherever z is as near to it as 64 units of 2^-23 of its
// terms: then it does not matter. Few elements may be like that, or the case would show nothing.
static int avoid_kink(const struct sample *s, const double *z, float *dy, const char *label) {
    const struct reference *r = &s->r;
    if (r->norm.activation != VKN_RELU) return 0;
    uint64_t near = 0;
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t g = reference_group(r, i), f = reference_feature(r, i);
        double xhat = (s->x64[i] - s->used_mean[g]) * s->used_rstd[g];
        double terms = (1 + fabs(xhat)) * fabs(sample_weight(s, i)) + (s->bias64 ? fabs(s->bias64[f]) : 0) +
                       (s->residual64 ? fabs(s->residual64[i]) : 0);
        if (!(fabs(z[i]) <= ulps64(terms))) continue;
        dy[i] = 0;
        near++;
    }
    if (near * 20 <= r->count) return 0;
    print_error("%s: %llu of %llu elements at relu's kink\n", label, (unsigned long long)near,
                (unsigned long long)r->count);
    return 1;
}

int sample_make_gradient(const struct sample *s, const char *label, float **dy, double **dz) {
    const struct reference *r = &s->r;
    float *gradient = zeros(r->count, sizeof *gradient);
    data_fill_gradient(1, r->count, gradient);
    data_round(s->like.dtype, r->count, gradient);
    double *z = zeros(r->count, sizeof *z);
    reference_affine(r, s->x64, s->used_mean, s->used_rstd, s->weight64, s->bias64, s->residual64, z);
    int faults = avoid_kink(s, z, gradient, label);
    *dy = gradient;
    *dz = doubles_of(gradient, r->count);
    reference_activate_grad(r, z, *dz, *dz);
    free(z);
    return faults;
}

// Where dz is written to a 16-bit dresidual and read again for dx, with e = half a unit in the last place of dz,
//   |dx - dx of the rounded dz| <= rstd * (|weight| e + s(|weight| e) / n + |xhat| s(|weight| e |xhat|) / n)
// Without silu dz is dy or zero, and is not rounded.
double *sample_dz_rounding(const struct sample *s, const double *dz) {
    const struct reference *r = &s->r;
    if (r->norm.activation != VKN_SILU || s->like.dtype == VKN_F32) return NULL;
    double *slack = zeros(r->count, sizeof *slack);
    double *sum = zeros(r->groups, sizeof *sum), *sum_xhat = zeros(r->groups, sizeof *sum_xhat);
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t g = reference_group(r, i);
        slack[i] = isfinite(dz[i]) ? fabs(sample_weight(s, i)) * half_rounding(s->like.dtype, dz[i]) : 0;
        sum[g] += slack[i];
        sum_xhat[g] += slack[i] * fabs(s->x64[i] - s->used_mean[g]) * s->used_rstd[g];
    }
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t g = reference_group(r, i);
        double n = (double)r->group_size, xhat = fabs(s->x64[i] - s->used_mean[g]) * s->used_rstd[g];
        if (!s->frozen) slack[i] += sum[g] / n + xhat * sum_xhat[g] / n;
        slack[i] *= s->used_rstd[g];
    }
    free(sum);
    free(sum_xhat);
    return slack;
}

int sample_check_dresidual(const struct sample *s, const char *label, const double *dz, const struct box *box) {
    bool exact = s->r.norm.activation != VKN_SILU;
    return compare_box(label, box, dz, exact ? 0 : ulps64(magnitude(dz, box->count)), NULL);
}
