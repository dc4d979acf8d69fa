// SPDX-License-Identifier: MIT
#include "reference.h"

#include <math.h>
#include <stdlib.h>

struct reference reference_make(const vkn_norm *norm, vkn_layout layout, uint32_t rank, const uint32_t *shape) {
    struct reference r = {.norm = *norm, .channels_last = layout == VKN_CHANNELS_LAST};
    r.batch = shape[0];
    r.channels = rank > 1 ? shape[1] : 1;
    r.space = 1;
    for (uint32_t d = 2; d < rank; d++)
        r.space *= shape[d];
    r.count = r.batch * r.channels * r.space;

    uint32_t memory[VKN_MAX_RANK] = {0};
    for (uint32_t d = 0; d < rank; d++)
        memory[d] = shape[d];
    if (r.channels_last && rank > 2) {
        for (uint32_t d = 1; d + 1 < rank; d++)
            memory[d] = shape[d + 1];
        memory[rank - 1] = shape[1];
    }
    r.normalized = 1;
    for (uint32_t d = 0; d < norm->normalized_rank && d < rank; d++)
        r.normalized *= memory[rank - 1 - d];

    r.features = r.channels;
    switch (norm->kind) {
    case VKN_BATCH:
        r.groups = r.channels;
        break;
    case VKN_INSTANCE:
        r.groups = r.batch * r.channels;
        break;
    case VKN_GROUP:
        r.groups = r.batch * norm->groups;
        break;
    case VKN_LAYER:
    case VKN_RMS:
        r.groups = r.normalized ? r.count / r.normalized : 0;
        r.features = r.normalized;
        break;
    }
    r.group_size = r.groups ? r.count / r.groups : 0;
    return r;
}

void reference_set_per_sample(struct reference *r) {
    r->per_sample = true;
    r->features *= r->batch;
}

static uint64_t sample_of(const struct reference *r, uint64_t element) {
    return element / (r->channels * r->space);
}

static uint64_t channel_of(const struct reference *r, uint64_t element) {
    return r->channels_last ? element % r->channels : element / r->space % r->channels;
}

uint64_t reference_group(const struct reference *r, uint64_t element) {
    switch (r->norm.kind) {
    case VKN_BATCH:
        return channel_of(r, element);
    case VKN_INSTANCE:
        return sample_of(r, element) * r->channels + channel_of(r, element);
    case VKN_GROUP:
        return sample_of(r, element) * r->norm.groups + channel_of(r, element) / (r->channels / r->norm.groups);
    case VKN_LAYER:
    case VKN_RMS:
        break;
    }
    return element / r->normalized;
}

uint64_t reference_feature(const struct reference *r, uint64_t element) {
    bool by_shape = r->norm.kind == VKN_LAYER || r->norm.kind == VKN_RMS;
    uint64_t feature = by_shape ? element % r->normalized : channel_of(r, element);
    return r->per_sample ? sample_of(r, element) * (r->features / r->batch) + feature : feature;
}

void reference_statistics(const struct reference *r, const double *x, double *mean, double *var) {
    for (uint64_t g = 0; g < r->groups; g++)
        mean[g] = var[g] = 0;
    if (r->norm.kind != VKN_RMS) {
        for (uint64_t i = 0; i < r->count; i++)
            mean[reference_group(r, i)] += x[i];
        for (uint64_t g = 0; g < r->groups; g++)
            mean[g] /= (double)r->group_size;
    }
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t g = reference_group(r, i);
        var[g] += (x[i] - mean[g]) * (x[i] - mean[g]);
    }
    for (uint64_t g = 0; g < r->groups; g++)
        var[g] /= (double)r->group_size;
}

void reference_rstd(const struct reference *r, const double *var, double *rstd) {
    for (uint64_t g = 0; g < r->groups; g++)
        rstd[g] = 1 / sqrt(var[g] + (double)r->norm.eps);
}

void reference_expand(const struct reference *r, const double *running, double *per_group) {
    for (uint64_t g = 0; g < r->groups; g++)
        per_group[g] = running[g % r->channels];
}

void reference_running(const struct reference *r, const double *mean, const double *var, double momentum,
                       double *running_mean, double *running_var) {
    double n = (double)r->group_size, correction = r->biased_running_var ? 1 : n / (n - 1);
    uint64_t samples = r->groups / r->channels;
    for (uint64_t c = 0; c < r->channels; c++) {
        double new_mean = 0, new_var = 0;
        for (uint64_t g = c; g < r->groups; g += r->channels) {
            new_mean += mean[g] / (double)samples;
            new_var += var[g] * correction / (double)samples;
        }
        running_mean[c] = (1 - momentum) * running_mean[c] + momentum * new_mean;
        running_var[c] = (1 - momentum) * running_var[c] + momentum * new_var;
    }
}

static double weight_at(const struct reference *r, const double *weight, uint64_t element) {
    return weight ? (double)r->norm.weight_offset + weight[reference_feature(r, element)] : 1;
}

void reference_affine(const struct reference *r, const double *x, const double *mean, const double *rstd,
                      const double *weight, const double *bias, const double *residual, double *z) {
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t g = reference_group(r, i);
        z[i] = (x[i] - mean[g]) * rstd[g] * weight_at(r, weight, i) + (bias ? bias[reference_feature(r, i)] : 0) +
               (residual ? residual[i] : 0);
    }
}

static double sigmoid(double z) {
    return 1 / (1 + exp(-z));
}

// act and act', both written so that a NaN stays one.
static double act(vkn_activation activation, double z) {
    if (activation == VKN_RELU) return z < 0 ? 0 : z;
    return activation == VKN_SILU ? z * sigmoid(z) : z;
}

static double act_slope(vkn_activation activation, double z) {
    if (activation == VKN_RELU) return z <= 0 ? 0 : 1;
    return activation == VKN_SILU ? sigmoid(z) * (1 + z * (1 - sigmoid(z))) : 1;
}

void reference_activate(const struct reference *r, const double *z, double *y) {
    for (uint64_t i = 0; i < r->count; i++)
        y[i] = act(r->norm.activation, z[i]);
}

void reference_activate_grad(const struct reference *r, const double *z, const double *dy, double *dz) {
    for (uint64_t i = 0; i < r->count; i++)
        dz[i] = dy[i] * act_slope(r->norm.activation, z[i]);
}

void reference_forward(const struct reference *r, const double *x, const double *mean, const double *rstd,
                       const double *weight, const double *bias, double *y) {
    reference_affine(r, x, mean, rstd, weight, bias, NULL, y);
    reference_activate(r, y, y);
}

void reference_backward(const struct reference *r, bool frozen, const double *x, const double *dz, const double *mean,
                        const double *rstd, const double *weight, double *dx, double *dweight, double *dbias) {
    double *sum_g = calloc(r->groups + 1, sizeof *sum_g), *sum_gx = calloc(r->groups + 1, sizeof *sum_gx);
    if (!sum_g || !sum_gx) abort();
    for (uint64_t f = 0; f < r->features; f++)
        dweight[f] = dbias[f] = 0;
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t g = reference_group(r, i), f = reference_feature(r, i);
        double xhat = (x[i] - mean[g]) * rstd[g], grad = dz[i] * weight_at(r, weight, i);
        sum_g[g] += grad;
        sum_gx[g] += grad * xhat;
        dweight[f] += dz[i] * xhat;
        dbias[f] += dz[i];
    }
    double n = (double)r->group_size;
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t g = reference_group(r, i);
        double xhat = (x[i] - mean[g]) * rstd[g], grad = dz[i] * weight_at(r, weight, i);
        double through_mean = r->norm.kind == VKN_RMS ? 0 : sum_g[g] / n;
        dx[i] = frozen ? rstd[g] * grad : rstd[g] * (grad - through_mean - xhat * sum_gx[g] / n);
    }
    free(sum_g);
    free(sum_gx);
}
