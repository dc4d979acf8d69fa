// SPDX-License-Identifier: MIT
// What a call reads, forward or backward, and the statistics that belong to it, as the reference sees them.
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "box.h"
#include "reference.h"
#include "rig.h"

struct norm_case;
struct norm_pass;

struct sample {
    struct reference r;
    vkn_tensor like, parameter;             // x's dtype, layout, rank and shape; those of weight and bias
    float *x, *residual;                    // exact in x's dtype; NULL where the pass has none
    float *weight, *bias;                   // the same in their dtype
    float *running_mean, *running_var;      // the same, F32
    double *x64;                            // what is normalized: x, or h
    double *residual64, *weight64, *bias64; // NULL as above
    double *mean, *var, *rstd;              // x64's own
    double *used_mean, *used_rstd;          // what it is normalized with: its own or the running ones
    bool frozen;                            // they are the running ones
};
// In F32, with nothing but x.
struct sample sample_make(const struct norm_case *);
struct sample sample_make_for(const struct norm_case *, const struct norm_pass *);
void sample_destroy(struct sample *);
// What the element is multiplied by, the offset included.
double sample_weight(const struct sample *, uint64_t element);
// [groups][4], as forward saves them; the caller frees.
float *sample_statistics(const struct sample *);
// The number of faults in what forward saved.
int sample_check_statistics(const struct sample *, const char *label, const struct box *);
// A gradient dy, exact in x's dtype, and dz = dy * act'(z); the caller frees. Faults where too much of it lies at
// relu's kink.
int sample_make_gradient(const struct sample *, const char *label, float **dy, double **dz);
// What rounding dz to a 16-bit dresidual may cost each element of dx; the caller frees. NULL where it costs nothing.
double *sample_dz_rounding(const struct sample *, const double *dz);
// dz: the elements that the box has.
int sample_check_dresidual(const struct sample *, const char *label, const double *dz, const struct box *);

// What a call is given: a box for each operand that is present, at the offsets of its place in the array.
struct operand {
    const char *name;
    bool present;
    const vkn_tensor *like;
    const float *data; // NULL: guard values
};
void boxes_make(const struct rig *, uint32_t offsets, const struct operand *, size_t count, struct box *);

vkn_tensor vector_like(vkn_dtype, uint64_t count);
// Copies as doubles; the caller frees. NULL for NULL.
double *doubles_of(const float *, uint64_t count);
void *zeros(uint64_t count, size_t size);

#endif
