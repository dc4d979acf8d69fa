// SPDX-License-Identifier: MIT
// What the norms are tried on: the table of cases, the table of passes, and what runs one case through all passes.
#ifndef TESTS_NORM_CASE_H
#define TESTS_NORM_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "data.h"
#include "rig.h"

enum case_size {
    SIZE_SMALL, // under every combination of fallbacks
    SIZE_LARGE, // once, and only the passes with PASS_LARGE
};

struct norm_case {
    vkn_norm norm;
    vkn_layout layout;
    uint32_t rank, shape[VKN_MAX_RANK];
    enum data_kind data;
    enum case_size size;
};
extern struct norm_case norm_cases[];
extern const size_t norm_case_count;
// "batch 2x3x5 last normal", in `text` of NORM_CASE_NAME_SIZE.
enum { NORM_CASE_NAME_SIZE = 128 };
void norm_case_name(const struct norm_case *, char *text);
const char *norm_kind_name(vkn_kind);

enum pass_flag {
    PASS_BACKWARD = 1 << 0,
    PASS_TRAINING = 1 << 1,
    PASS_RUNNING = 1 << 2,    // running statistics are given
    PASS_CUMULATIVE = 1 << 3, // momentum is 1 / num_batches_tracked
    PASS_WEIGHT = 1 << 4,
    PASS_BIAS = 1 << 5,
    PASS_MEAN = 1 << 6, // mean, rstd: written by forward, read by backward
    PASS_RSTD = 1 << 7,
    PASS_OVER_X = 1 << 8,  // y, dx is x
    PASS_OVER_DY = 1 << 9, // dx is dy
    PASS_DX = 1 << 10,
    PASS_DWEIGHT = 1 << 11,
    PASS_DBIAS = 1 << 12,
    PASS_ACCUMULATE = 1 << 13,
    PASS_LARGE = 1 << 14,
};
struct norm_pass {
    const char *name;
    unsigned flags;
};
extern const struct norm_pass norm_passes[];
extern const size_t norm_pass_count;

// Each gives the number of faults, all printed. Passes take turns with the offset patterns, from `shift` on.
int norm_case_run(const struct rig *, const struct norm_case *, size_t shift);
int forward_run(const struct rig *, const struct norm_case *, const struct norm_pass *, uint32_t offsets);
int backward_run(const struct rig *, const struct norm_case *, const struct norm_pass *, uint32_t offsets);

// An x and its statistics, as the reference sees them.
struct sample {
    struct reference r;
    vkn_tensor like; // x's dtype, layout, rank and shape
    float *x;
    double *x64, *mean, *var, *rstd;
};
struct sample sample_make(const struct norm_case *);
void sample_destroy(struct sample *);
// What rounding the mean to f32 moves it by at most.
double sample_mean_rounding(const struct sample *);

// Which elements of its buffer a tensor leaves free before it; `role` numbers the tensors of a call. offsets: 0 all odd
// and different, 1 all aligned for any device, 2 multiples of four elements, 3 a mixture.
uint32_t offset_of(uint32_t offsets, uint32_t role);
enum { OFFSET_PATTERNS = 4 };

// Copies as doubles; the caller frees. NULL for NULL.
double *doubles_of(const float *, uint64_t count);
void *zeros(uint64_t count, size_t size);

#endif
