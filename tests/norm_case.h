// SPDX-License-Identifier: MIT
// What the norms are tried on: the table of cases, the table of passes, and what runs one case through all passes.
#ifndef TESTS_NORM_CASE_H
#define TESTS_NORM_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "data.h"
#include "rig.h"
#include "sample.h"

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
// Statistic groups of more than 1024 elements.
bool norm_case_is_long(const struct norm_case *);

enum pass_flag {
    PASS_BACKWARD = 1 << 0,
    PASS_TRAINING = 1 << 1,
    PASS_RUNNING = 1 << 2,    // running statistics are given
    PASS_CUMULATIVE = 1 << 3, // momentum is 1 / num_batches_tracked
    PASS_BIASED = 1 << 4,     // biased_running_var
    PASS_WEIGHT = 1 << 5,
    PASS_BIAS = 1 << 6,
    PASS_PER_SAMPLE = 1 << 7,  // weight and bias, and their gradients
    PASS_AS_X = 1 << 8,        // weight and bias have x's dtype
    PASS_STATISTICS = 1 << 9,  // written by forward, read by backward
    PASS_ADD_AFTER = 1 << 10,  // a residual, after the norm
    PASS_ADD_BEFORE = 1 << 11, // a residual, before it: h is written
    PASS_DH = 1 << 12,
    PASS_DX = 1 << 13,
    PASS_DRESIDUAL = 1 << 14,
    PASS_DWEIGHT = 1 << 15,
    PASS_DBIAS = 1 << 16,
    PASS_ACCUMULATE = 1 << 17,
    // In place: y and dx over these, and h and dresidual over those.
    PASS_OVER_X = 1 << 18,
    PASS_OVER_DY = 1 << 19,
    PASS_OVER_RESIDUAL = 1 << 20,
    PASS_OVER_DH = 1 << 21,
    PASS_H_OVER_X = 1 << 22,
    PASS_H_OVER_RESIDUAL = 1 << 23,
    PASS_DRESIDUAL_OVER_DY = 1 << 24,
    PASS_DRESIDUAL_OVER_RESIDUAL = 1 << 25,
    PASS_LARGE = 1 << 26, // for cases of SIZE_LARGE too
    PASS_TURNS = 1 << 27, // for one case in three of each class
};
struct norm_pass {
    const char *name;
    unsigned flags;
    vkn_dtype dtype;
    vkn_activation activation;
    float weight_offset, weight_scale; // weights are of about the scale; 0 is 1
};
extern const struct norm_pass norm_passes[];
extern const size_t norm_pass_count;
// Which of the passes that take turns are run: those for which (pass + kind + shift) is a multiple of `every`. Of the
// other passes, each is run for one case in `share` of each class (fewer, where the class has fewer).
struct norm_turns {
    size_t every, shift, share;
};
// Whether pass number `pass` of the table is for the case.
bool norm_pass_applies(const struct norm_case *, size_t pass, const struct norm_turns *);

// Each gives the number of faults, all printed. Passes take turns with the offset patterns, from `shift` on.
int norm_case_run(const struct rig *, const struct norm_case *, size_t shift);
int norm_case_run_turns(const struct rig *, const struct norm_case *, size_t shift, const struct norm_turns *);
int forward_run(const struct rig *, const struct norm_case *, const struct norm_pass *, uint32_t offsets);
int backward_run(const struct rig *, const struct norm_case *, const struct norm_pass *, uint32_t offsets);

// Which elements of its buffer a tensor leaves free before it; `role` numbers the tensors of a call. offsets: 0 all odd
// and different, 1 all aligned for any device, 2 multiples of four elements, 3 a mixture.
uint32_t offset_of(uint32_t offsets, uint32_t role);
enum { OFFSET_PATTERNS = 4 };

#endif
