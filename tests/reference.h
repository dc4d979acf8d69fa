// SPDX-License-Identifier: MIT
// The norms in double precision, written from their definitions and sharing nothing with the library: each element of
// the memory order is asked for its statistic group and its feature, and sums run over all elements of either.
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <vknorm/vknorm.h>

struct reference {
    vkn_norm norm;
    bool channels_last;
    uint64_t batch, channels, space; // x as [batch][channels][space]; rank 1 is one sample of one channel
    uint64_t normalized;             // elements of the normalized shape, layer and rms
    uint64_t count, groups, features;
    uint64_t group_size; // elements of each statistic group
    bool per_sample;     // each sample has weights and biases of its own; `features` counts them all
    bool biased_running_var;
};

struct reference reference_make(const vkn_norm *, vkn_layout, uint32_t rank, const uint32_t *shape);
void reference_set_per_sample(struct reference *);
uint64_t reference_group(const struct reference *, uint64_t element);
uint64_t reference_feature(const struct reference *, uint64_t element);

// Per group: the mean and the biased variance; rms: 0 and the mean square.
void reference_statistics(const struct reference *, const double *x, double *mean, double *var);
// rstd = 1 / sqrt(var + eps)
void reference_rstd(const struct reference *, const double *var, double *rstd);
// Running statistics, one per channel, as statistics of the groups (batch and instance).
void reference_expand(const struct reference *, const double *running, double *per_group);
// running = (1 - momentum) running + momentum * (unbiased variance, mean): a channel's, or the mean over samples.
void reference_running(const struct reference *, const double *mean, const double *var, double momentum,
                       double *running_mean, double *running_var);
// z = (x - mean) * rstd * weight + bias + residual. weight, bias and residual may be NULL; a weight that is given
// counts as norm.weight_offset more.
void reference_affine(const struct reference *, const double *x, const double *mean, const double *rstd,
                      const double *weight, const double *bias, const double *residual, double *z);
// y = act(z); y may be z.
void reference_activate(const struct reference *, const double *z, double *y);
// dz = dy * act'(z); dz may be dy.
void reference_activate_grad(const struct reference *, const double *z, const double *dy, double *dz);
// Both without a residual.
void reference_forward(const struct reference *, const double *x, const double *mean, const double *rstd,
                       const double *weight, const double *bias, double *y);
// From dz on, which is dy where there is no activation. frozen: mean and rstd do not depend on x. weight may be NULL.
void reference_backward(const struct reference *, bool frozen, const double *x, const double *dz, const double *mean,
                        const double *rstd, const double *weight, double *dx, double *dweight, double *dbias);

#endif
