// SPDX-License-Identifier: MIT
// A recording call as data: its tensors by role, and changes to it.
#ifndef TESTS_CALL_H
#define TESTS_CALL_H

#include "box.h"

enum { SAMPLES = 4, CHANNELS = 6, SPACE = 5, GROUPS = 2, RANKS = 2 };

enum role {
    X,
    Y,
    RESIDUAL,
    H,
    DY,
    DH,
    DX,
    DRESIDUAL, // these are as x
    WEIGHT,
    BIAS,
    DWEIGHT,
    DBIAS,
    STATISTICS,
    MOMENTS,
    SUMS,
    ALL,
    MERGED,
    RUNNING_MEAN,
    RUNNING_VAR,
    COUNTER,
    ROLES,
    LIKE_X = ROLES, // in a change: x and all that is as x
};

enum function { FORWARD, BACKWARD, NORM_MOMENTS, NORM_SUMS, MERGE_MOMENTS, MERGE_SUMS };

struct call {
    enum function function;
    vkn_norm norm;
    vkn_tensor tensors[ROLES];
    float momentum;
    bool training, accumulate, biased_running_var;
    uint32_t ranks;
};

// What a change sets: a scalar of the call, or something of the tensors of a role.
enum target {
    NO_CHANGE,
    KIND,
    NORM_GROUPS,
    NORMALIZED_RANK,
    EPS,
    ACTIVATION,
    WEIGHT_OFFSET,
    MOMENTUM,
    TRAINING,
    ACCUMULATE,
    BIASED_RUNNING_VAR,
    RANK_COUNT,
    ABSENT,
    GIVEN,
    DTYPE,
    LAYOUT,
    RANK,
    SIZE,  // of dimension `at`
    SHIFT, // bytes that the offset moves by
    OVER,  // it begins `value` bytes behind the tensor of role `at`
};
struct change {
    enum target target;
    enum role role;
    uint32_t at;
    double value;
};
enum { MOST_CHANGES = 8 };

// A tensor for every role that a call of the kind could have, also those that it must not, each in a box of its own,
// which has room for weights per sample.
struct call_boxes {
    struct box box[ROLES];
    vkn_tensor tensors[ROLES];
};
struct call_boxes call_boxes_make(vkn_context *, vkn_kind);
void call_boxes_destroy(struct call_boxes *);

// A call in training that has all it may have, but no residual, moments or sums of others.
struct call call_make(const struct call_boxes *, vkn_kind, enum function);
void call_change(struct call *, const struct call_boxes *, const struct change changes[MOST_CHANGES]);
vkn_result call_record(const struct call *, vkn_recorder *);

#endif
