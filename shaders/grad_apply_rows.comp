// SPDX-License-Identifier: MIT
// dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n) + dh, g = dz * weight, with sums that are known, rows family.
// Frozen statistics: dx = rstd * g + dh, and where no pass before this one did dz is written.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "rows.glsl"
#include "affine.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "gradient.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(readonly, 1, dy, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dx, DTYPE, WIDE)
FLOATS(readonly, 7, sums)
TENSOR(, 7, dresidual, DTYPE, WIDE)
LOAD(0, x)
LOAD(1, dy)
LOAD(2, weight)
LOAD(3, bias)
LOAD(5, added)
STORE(6, dx)
STORE(7, dresidual)
AFFINE_LOAD(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
AFFINE_LOAD(bias, VKN_HAS_BIAS, 0, 0)
GRADIENT

void main() {
    Part p = part_of_team();
    uint group = group_of(p.unit);
    bool frozen = has(VKN_FROZEN);
    Normalizer n = normalizer_of(group);
    vec2 mean_g = vec2(0); // of g and of g * xhat
    if (!frozen) mean_g = vec2(AT(7, sums, group * 4u), AT(7, sums, group * 4u + 1u)) / AT(7, sums, group * 4u + 2u);
    if (!CENTERED) mean_g.x = 0.0;
    const bool reads_bias = ACTIVATION != VKN_ACT_NONE;
    // One weight for the unit is read once.
    vec4 weight = vec4(1), bias = vec4(0);
    if (AFFINE == VKN_AFFINE_UNIT) {
        weight = weight_of(affine_row(p.unit, 0u), 0u, 4u);
        if (reads_bias) bias = bias_of(affine_row(p.unit, 0u), 0u, 4u);
    }
    uint words = words_in(p.run_count);
    Place at = Place(0u, lane_index());
    for (uint done = 0u; done < p.outer_count * words; done += LANES) {
        uint valid = valid_at(at, p.outer_count, p.run_count);
        uint element = p.first + at.outer * push.outer_stride + at.word * 4u;
        if (AFFINE != VKN_AFFINE_UNIT) {
            uint row = affine_row(p.unit, p.outer_first + at.outer), in_row = p.run_first + at.word * 4u;
            weight = weight_of(row, in_row, valid);
            if (reads_bias) bias = bias_of(row, in_row, valid);
        }
        vec4 xhat = vec4(0);
        if (!frozen || reads_bias) xhat = normalize_with(n, x_load(element, valid));
        vec4 g = dz_load(element, valid, xhat, weight, bias) * weight;
        if (!frozen) g = (g - mean_g.x) - xhat * mean_g.y;
        vec4 dx = g * n.rstd;
        if (RESIDUAL == VKN_ADD_BEFORE) dx += added_load(element, valid);
        dx_store(element, valid, dx);
        place_next(at, words);
    }
}
