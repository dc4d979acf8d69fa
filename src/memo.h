// SPDX-License-Identifier: MIT
// Finished plans of a recorder, by all that they depend on: a call like an earlier one is not planned again.
#ifndef VKN_MEMO_H
#define VKN_MEMO_H
#include "plan.h"

// A DenseNet-121, forward and backward, where every layer has another shape. Plans of more passes are of tensors so
// large that planning costs nothing beside them.
enum { VKN_MEMO_PROGRAMS = 256, VKN_MEMO_PASSES = 8, VKN_SCRATCH_OPERANDS = VKN_OPERAND_COUNT - VKN_RECORDS };

// A finished plan: its passes with their pipelines.
typedef struct vkn_program {
    const vkn_pass *passes;
    const VkPipeline *pipelines;
    uint32_t count;
    uint64_t scratch[VKN_SCRATCH_OPERANDS]; // bytes, from VKN_RECORDS on
} vkn_program;

typedef vkn_result (*vkn_planner)(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);

// What the geometry, the limits and the request of a plan come from, on one context: each member of vkn_norm and
// vkn_request has one here. Keys are compared as bytes, so there is no padding and no float.
typedef struct vkn_key {
    vkn_planner planner;
    uint32_t kind, groups, normalized_rank, activation;
    uint32_t eps, weight_offset, momentum;      // their bits
    uint32_t layout, rank, shape[VKN_MAX_RANK]; // of x; zeros from its rank on
    uint32_t dtype, parameter_dtype, present;
    uint32_t training, from_running, accumulate, biased_running_var, per_sample;
    uint32_t loads; // as vkn_norm_limits takes it
} vkn_key;

typedef struct vkn_remembered vkn_remembered;
typedef struct vkn_memo {
    uint64_t hashes[VKN_MEMO_PROGRAMS];
    vkn_remembered *all[VKN_MEMO_PROGRAMS];
    uint32_t count;
    uint32_t oldest; // once there are VKN_MEMO_PROGRAMS: the next to be replaced
    uint32_t guess;  // what follows the last that was found: networks repeat their calls in order
} vkn_memo;

// The program of the key, valid until another is kept; NULL: there is none.
const vkn_program *vkn_memo_find(vkn_memo *, const vkn_key *);
// Copies the program, in the place of the oldest where all are taken. Does nothing where that is not possible: it has
// too many passes, or memory is out. The key must be new.
void vkn_memo_keep(vkn_memo *, const vkn_key *, const vkn_program *);
void vkn_memo_destroy(vkn_memo *);

#endif
