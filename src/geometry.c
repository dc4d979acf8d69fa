// SPDX-License-Identifier: MIT
#include "geometry.h"
#include "error.h"
#include "tensor.h"
#include <math.h>

vkn_result vkn_norm_check(const vkn_norm *norm) {
    if ((uint32_t)norm->kind < VKN_BATCH || norm->kind > VKN_RMS)
        return vkn_fail(VKN_BAD_ARGUMENT, "kind: %d is none of batch, instance, group, layer, rms", (int)norm->kind);
    if (norm->kind == VKN_GROUP && norm->groups == 0)
        return vkn_fail(VKN_BAD_ARGUMENT, "groups: 0, must be at least 1");
    if (!(norm->eps >= 0) || isinf(norm->eps))
        return vkn_fail(VKN_BAD_ARGUMENT, "eps: %g, must be at least 0 and finite", (double)norm->eps);
    if ((uint32_t)norm->activation > VKN_SILU)
        return vkn_fail(VKN_BAD_ARGUMENT, "activation: %d is none of none, relu, silu", (int)norm->activation);
    if (!isfinite(norm->weight_offset))
        return vkn_fail(VKN_BAD_ARGUMENT, "weight_offset: %g, must be finite", (double)norm->weight_offset);
    return VKN_OK;
}

static vkn_result check_tensor(const vkn_tensor *x) {
    if (x->rank < 1 || x->rank > VKN_MAX_RANK)
        return vkn_fail(VKN_BAD_ARGUMENT, "x: rank %u, must be 1 to %d", x->rank, VKN_MAX_RANK);
    if (x->layout != VKN_CHANNELS_FIRST && x->layout != VKN_CHANNELS_LAST)
        return vkn_fail(VKN_BAD_ARGUMENT, "x: layout %d is neither channels first nor channels last", (int)x->layout);
    if (vkn_tensor_count(x) > UINT64_MAX / 16) {
        char shape[VKN_SHAPE_TEXT];
        return vkn_fail(VKN_BAD_ARGUMENT, "x: shape %s has more elements than 64 bits count", vkn_shape_text(x, shape));
    }
    return VKN_OK;
}

// layer, rms: the trailing dimensions of the memory order.
static vkn_result make_row_norm(const vkn_norm *norm, const vkn_tensor *x, vkn_geometry *g) {
    if (norm->normalized_rank < 1 || norm->normalized_rank > x->rank)
        return vkn_fail(VKN_BAD_ARGUMENT, "normalized_rank: %u, must be 1 to x's rank %u", norm->normalized_rank,
                        x->rank);
    g->samples = g->run = 1;
    for (uint32_t i = 0; i < x->rank; ++i) {
        // Dimension i of the memory order: channels last moves dimension 1 to the end.
        bool moved = x->layout == VKN_CHANNELS_LAST && x->rank > 2 && i > 0;
        uint32_t size = !moved ? x->shape[i] : i + 1 < x->rank ? x->shape[i + 1] : x->shape[1];
        if (i + norm->normalized_rank < x->rank)
            g->samples *= size;
        else
            g->run *= size;
    }
    bool has_batch = norm->normalized_rank < x->rank;
    g->has_batch = has_batch;
    g->batch = x->shape[0];
    g->sample_rows = has_batch && x->shape[0] ? g->samples / x->shape[0] : 1;
    if (g->sample_rows == 0) g->sample_rows = 1;
    g->channels = g->outer = g->fan = 1;
    g->units = g->samples;
    g->features = g->run;
    g->element_affine = true;
    return VKN_OK;
}

static vkn_result check_channels(const vkn_norm *norm, const vkn_tensor *x) {
    char shape[VKN_SHAPE_TEXT];
    if (x->rank < 2)
        return vkn_fail(VKN_BAD_ARGUMENT, "expected 2D to %dD input (got %uD input)", VKN_MAX_RANK, x->rank);
    if (norm->kind != VKN_GROUP) return VKN_OK;
    if (x->shape[1] % norm->groups)
        return vkn_fail(VKN_BAD_ARGUMENT,
                        "Expected number of channels in input to be divisible by num_groups, but got input of shape %s "
                        "and num_groups=%u",
                        vkn_shape_text(x, shape), norm->groups);
    return VKN_OK;
}

static void make_channel_norm(const vkn_norm *norm, const vkn_tensor *x, vkn_geometry *g) {
    g->samples = x->shape[0];
    g->channels = g->features = x->shape[1];
    g->run = 1;
    for (uint32_t i = 2; i < x->rank; ++i)
        g->run *= x->shape[i];
    g->has_batch = true;
    g->batch = g->samples;
    bool batch = norm->kind == VKN_BATCH;
    g->outer = batch ? g->samples : 1;
    g->units = batch ? g->channels : g->samples * g->channels;
    g->fan = norm->kind == VKN_GROUP ? g->channels / norm->groups : 1;
    // With one channel or one spatial element both layouts are the same memory; then the longer sweep is taken.
    g->columns = g->run == 1 || (x->layout == VKN_CHANNELS_LAST && g->channels > 1);
}

// One spatial element: the channels of a group are a row.
static void make_group_rows(const vkn_norm *norm, vkn_geometry *g) {
    g->samples = g->units = g->samples * norm->groups;
    g->run = g->fan;
    g->weight_rows = norm->groups;
    g->channels = g->fan = 1;
    g->element_affine = true;
    g->columns = false;
}

// PyTorch refuses statistics over a single value, in these words. Group norm's check is over N * C / groups, as theirs.
static vkn_result check_more_than_one(const vkn_geometry *g, const vkn_norm *norm, const vkn_tensor *x) {
    char shape[VKN_SHAPE_TEXT];
    vkn_tensor shown = *x;
    uint64_t values = g->kind == VKN_INSTANCE ? g->run : g->samples * g->run;
    if (g->kind == VKN_GROUP) {
        values = g->elements / norm->groups;
        shown.shape[0] = (uint32_t)(x->shape[0] * (x->shape[1] / norm->groups));
        shown.shape[1] = norm->groups;
    }
    if (g->kind == VKN_LAYER || g->kind == VKN_RMS || values != 1) return VKN_OK;
    return vkn_fail(VKN_BAD_ARGUMENT, "Expected more than 1 %s when training, got input size %s",
                    g->kind == VKN_INSTANCE ? "spatial element" : "value per channel", vkn_shape_text(&shown, shape));
}

vkn_result vkn_geometry_make(const vkn_norm *norm, const vkn_tensor *x, bool training_statistics, vkn_geometry *out) {
    *out = (vkn_geometry){
        .kind = norm->kind, .centered = norm->kind != VKN_RMS, .unit_weights = 1, .sample_rows = 1, .weight_rows = 1};
    vkn_result result = vkn_norm_check(norm);
    if (result == VKN_OK) result = check_tensor(x);
    if (result != VKN_OK) return result;
    if (norm->kind == VKN_LAYER || norm->kind == VKN_RMS) {
        result = make_row_norm(norm, x, out);
    } else {
        result = check_channels(norm, x);
        if (result == VKN_OK) make_channel_norm(norm, x, out);
    }
    if (result != VKN_OK) return result;
    if (norm->kind == VKN_GROUP && out->run == 1 && out->channels > 0) make_group_rows(norm, out);
    out->elements = vkn_tensor_count(x);
    out->groups = out->fan ? out->units / out->fan : 0;
    out->group_size = out->groups ? out->elements / out->groups : 0;
    return training_statistics ? check_more_than_one(out, norm, x) : VKN_OK;
}

vkn_norm vkn_norm_defaults(vkn_kind kind) {
    return (vkn_norm){.kind = kind, .groups = 1, .normalized_rank = 1, .eps = 1e-5f};
}

uint64_t vkn_norm_groups(const vkn_norm *norm, const vkn_tensor *x) {
    vkn_geometry g;
    return vkn_geometry_make(norm, x, false, &g) == VKN_OK && g.elements ? g.groups : 0;
}

uint64_t vkn_norm_features(const vkn_norm *norm, const vkn_tensor *x) {
    vkn_geometry g;
    return vkn_geometry_make(norm, x, false, &g) == VKN_OK && g.elements ? g.features : 0;
}
