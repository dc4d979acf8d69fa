// SPDX-License-Identifier: MIT
#include "call.h"

#define BIT(role) (1u << (role))

static struct box make_box(vkn_context *context, enum role role, const vkn_tensor *like, uint64_t count) {
    static const char *const names[ROLES] = {"x",       "y",      "residual",     "h",           "dy",
                                             "dh",      "dx",     "dresidual",    "weight",      "bias",
                                             "dweight", "dbias",  "statistics",   "moments",     "sums",
                                             "all",     "merged", "running_mean", "running_var", "num_batches_tracked"};
    static const float values[SAMPLES * CHANNELS * SPACE] = {1, 2, 3, 4};
    const vkn_tensor one = {.dtype = VKN_I64, .rank = 1, .shape = {1}};
    if (role <= DRESIDUAL) return box_make(context, names[role], 2 * role, like, values);
    if (role == COUNTER) return box_make(context, names[role], 1, &one, values);
    return box_make_vector(context, names[role], role, count, NULL);
}

struct call_boxes call_boxes_make(vkn_context *context, vkn_kind kind) {
    struct call_boxes all;
    const vkn_norm norm = {.kind = kind, .groups = GROUPS, .normalized_rank = 1};
    const vkn_tensor like = {.rank = 3, .shape = {SAMPLES, CHANNELS, SPACE}};
    uint64_t features = vkn_norm_features(&norm, &like), groups = vkn_norm_groups(&norm, &like);
    const uint64_t counts[ROLES] = {
        [WEIGHT] = features,       [BIAS] = features,         [DWEIGHT] = features,     [DBIAS] = features,
        [STATISTICS] = 4 * groups, [MOMENTS] = 4 * groups,    [SUMS] = 4 * groups,      [ALL] = groups * 4 * RANKS,
        [MERGED] = 4 * groups,     [RUNNING_MEAN] = CHANNELS, [RUNNING_VAR] = CHANNELS,
    };
    for (uint32_t i = 0; i < ROLES; i++) {
        bool per_sample = i >= WEIGHT && i <= DBIAS;
        all.box[i] = make_box(context, i, &like, per_sample ? SAMPLES * counts[i] : counts[i]);
        all.tensors[i] = all.box[i].tensor;
        if (per_sample) all.tensors[i].shape[0] = (uint32_t)counts[i];
    }
    return all;
}

void call_boxes_destroy(struct call_boxes *all) {
    for (uint32_t i = 0; i < ROLES; i++)
        box_destroy(&all->box[i]);
}

struct call call_make(const struct call_boxes *boxes, vkn_kind kind, enum function function) {
    static const uint32_t taken[] = {
        [FORWARD] = BIT(X) | BIT(Y) | BIT(WEIGHT) | BIT(BIAS) | BIT(STATISTICS) | BIT(RUNNING_MEAN) | BIT(RUNNING_VAR) |
                    BIT(COUNTER),
        [BACKWARD] = BIT(X) | BIT(DY) | BIT(DX) | BIT(WEIGHT) | BIT(STATISTICS) | BIT(DWEIGHT) | BIT(DBIAS),
        [NORM_MOMENTS] = BIT(X) | BIT(MOMENTS),
        [NORM_SUMS] = BIT(X) | BIT(DY) | BIT(WEIGHT) | BIT(STATISTICS) | BIT(DWEIGHT) | BIT(DBIAS) | BIT(SUMS),
        [MERGE_MOMENTS] = BIT(ALL) | BIT(MERGED),
        [MERGE_SUMS] = BIT(ALL) | BIT(MERGED),
    };
    uint32_t roles = taken[function];
    if (kind == VKN_RMS) roles &= ~(BIT(BIAS) | BIT(DBIAS));
    if (kind != VKN_BATCH && kind != VKN_INSTANCE) roles &= ~(BIT(RUNNING_MEAN) | BIT(RUNNING_VAR) | BIT(COUNTER));
    struct call c = {function, vkn_norm_defaults(kind), .momentum = 0.1f, .training = true, .ranks = RANKS};
    c.norm.groups = GROUPS;
    for (uint32_t i = 0; i < ROLES; i++) {
        if (roles & BIT(i)) c.tensors[i] = boxes->tensors[i];
    }
    return c;
}

static void set_scalar(struct call *c, enum target target, double value) {
    switch (target) {
    case KIND:
        c->norm.kind = (vkn_kind)value;
        break;
    case NORM_GROUPS:
        c->norm.groups = (uint32_t)value;
        break;
    case NORMALIZED_RANK:
        c->norm.normalized_rank = (uint32_t)value;
        break;
    case EPS:
        c->norm.eps = (float)value;
        break;
    case ACTIVATION:
        c->norm.activation = (vkn_activation)value;
        break;
    case WEIGHT_OFFSET:
        c->norm.weight_offset = (float)value;
        break;
    case MOMENTUM:
        c->momentum = (float)value;
        break;
    case TRAINING:
        c->training = value != 0;
        break;
    case ACCUMULATE:
        c->accumulate = value != 0;
        break;
    case BIASED_RUNNING_VAR:
        c->biased_running_var = value != 0;
        break;
    default:
        c->ranks = (uint32_t)value;
    }
}

static void change_tensor(struct call *c, const struct call_boxes *boxes, const struct change *by, uint32_t role) {
    vkn_tensor *t = &c->tensors[role];
    switch (by->target) {
    case ABSENT:
        t->buffer = VK_NULL_HANDLE;
        break;
    case GIVEN:
        *t = boxes->tensors[role];
        break;
    case DTYPE:
        t->dtype = (vkn_dtype)by->value;
        break;
    case LAYOUT:
        t->layout = (vkn_layout)by->value;
        break;
    case RANK:
        t->rank = (uint32_t)by->value;
        break;
    case SIZE:
        t->shape[by->at] = (uint32_t)by->value;
        break;
    case SHIFT:
        t->offset += (VkDeviceSize)by->value;
        break;
    default:
        t->buffer = c->tensors[by->at].buffer;
        t->texels = c->tensors[by->at].texels;
        t->offset = c->tensors[by->at].offset + (VkDeviceSize)by->value;
    }
}

void call_change(struct call *c, const struct call_boxes *boxes, const struct change changes[MOST_CHANGES]) {
    for (size_t i = 0; i < MOST_CHANGES && changes[i].target != NO_CHANGE; i++) {
        if (changes[i].target < ABSENT) {
            set_scalar(c, changes[i].target, changes[i].value);
            continue;
        }
        uint32_t first = changes[i].role == LIKE_X ? X : changes[i].role;
        uint32_t last = changes[i].role == LIKE_X ? DRESIDUAL : changes[i].role;
        for (uint32_t role = first; role <= last; role++)
            change_tensor(c, boxes, &changes[i], role);
    }
}

static vkn_forward_args forward_args(const struct call *c) {
    const vkn_tensor *t = c->tensors;
    return (vkn_forward_args){.x = t[X],
                              .y = t[Y],
                              .residual = t[RESIDUAL],
                              .h = t[H],
                              .weight = t[WEIGHT],
                              .bias = t[BIAS],
                              .statistics = t[STATISTICS],
                              .moments = t[MOMENTS],
                              .running_mean = t[RUNNING_MEAN],
                              .running_var = t[RUNNING_VAR],
                              .num_batches_tracked = t[COUNTER],
                              .momentum = c->momentum,
                              .training = c->training,
                              .biased_running_var = c->biased_running_var};
}

static vkn_backward_args backward_args(const struct call *c) {
    const vkn_tensor *t = c->tensors;
    return (vkn_backward_args){.x = t[X],
                               .dy = t[DY],
                               .residual = t[RESIDUAL],
                               .weight = t[WEIGHT],
                               .bias = t[BIAS],
                               .statistics = t[STATISTICS],
                               .running_mean = t[RUNNING_MEAN],
                               .running_var = t[RUNNING_VAR],
                               .sums = t[SUMS],
                               .dh = t[DH],
                               .dx = t[DX],
                               .dresidual = t[DRESIDUAL],
                               .dweight = t[DWEIGHT],
                               .dbias = t[DBIAS],
                               .training = c->training,
                               .accumulate = c->accumulate};
}

vkn_result call_record(const struct call *c, vkn_recorder *recorder) {
    const vkn_tensor *t = c->tensors;
    vkn_forward_args forward = forward_args(c);
    vkn_backward_args backward = backward_args(c);
    switch (c->function) {
    case FORWARD:
        return vkn_norm_forward(recorder, &c->norm, &forward);
    case BACKWARD:
        return vkn_norm_backward(recorder, &c->norm, &backward);
    case NORM_MOMENTS:
        return vkn_norm_moments(recorder, &c->norm, &t[X], &t[MOMENTS]);
    case NORM_SUMS:
        backward.sums = (vkn_tensor){0};
        return vkn_norm_sums(recorder, &c->norm, &backward, &t[SUMS]);
    case MERGE_MOMENTS:
        return vkn_norm_merge_moments(recorder, &t[ALL], c->ranks, &t[MERGED]);
    default:
        return vkn_norm_merge_sums(recorder, &t[ALL], c->ranks, &t[MERGED]);
    }
}
