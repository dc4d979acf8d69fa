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
    for (uint outer = 0u; outer < p.outer_count; ++outer) {
        uint first = p.first + outer * push.outer_stride, row = affine_row(p.unit, p.outer_first + outer);
        for (uint word = lane_index(); word < words_in(p.run_count); word += LANES) {
            uint valid = valid_in(word, p.run_count), element = first + word * 4u, in_row = p.run_first + word * 4u;
            vec4 xhat = vec4(0), bias = vec4(0), weight = weight_of(row, in_row, valid);
            if (!frozen || ACTIVATION != VKN_ACT_NONE) xhat = normalize_with(n, x_load(element, valid));
            if (ACTIVATION != VKN_ACT_NONE) bias = bias_of(row, in_row, valid);
            vec4 g = dz_load(element, valid, xhat, weight, bias) * weight;
            if (!frozen) g = (g - mean_g.x) - xhat * mean_g.y;
            vec4 dx = g * n.rstd;
            if (RESIDUAL == VKN_ADD_BEFORE) dx += added_load(element, valid);
            dx_store(element, valid, dx);
        }
    }
}
