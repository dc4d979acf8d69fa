// SPDX-License-Identifier: MIT
// Sums of g and g * xhat over one part of a unit, rows family: one record a team.
// g = dz, or dz * weight where each element of the row has its own weight.
// Frozen statistics (DX): dx = dz * weight * rstd beside them.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "sums.glsl"
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
TENSOR(, 6, dresidual, DTYPE, WIDE) // DX: dx
layout(std430, set = 0, binding = 7) writeonly buffer records { vec4 record_at[]; };
LOAD(0, x)
LOAD(1, dy)
LOAD(2, weight)
LOAD(3, bias)
LOAD(5, added)
STORE(6, dresidual)
AFFINE_LOAD(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
AFFINE_LOAD(bias, VKN_HAS_BIAS, 0, 0)
GRADIENT

vec4 combine(vec4 a, vec4 b) { return a + b; }

vec4 sums_record(Sums s) {
    return vec4(sum_of(s.first) - sum_of(s.first_carry), sum_of(s.second) - sum_of(s.second_carry), 0, 0);
}

void main() {
    Part p = part_of_team();
    Normalizer n = normalizer_of(group_of(p.unit));
    Sums sums = sums_empty();
    uint words = words_in(p.run_count);
    vec4 weight = vec4(1), bias = vec4(0);
    if (AFFINE == VKN_AFFINE_UNIT && (DX || ACTIVATION != VKN_ACT_NONE)) {
        weight = weight_of(affine_row(p.unit, 0u), 0u, 4u);
        bias = bias_of(affine_row(p.unit, 0u), 0u, 4u);
    }
    Place at = Place(0u, lane_index());
    for (uint block = 0u; block < p.outer_count * words; block += BLOCK * LANES) {
        vec4 first = vec4(0), second = vec4(0);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint valid = valid_at(at, p.outer_count, p.run_count), in_row = p.run_first + at.word * 4u;
            uint element = p.first + at.outer * push.outer_stride + at.word * 4u;
            vec4 xhat = masked(normalize_with(n, x_load(element, valid)), valid);
            if (AFFINE != VKN_AFFINE_UNIT) {
                uint row = affine_row(p.unit, p.outer_first + at.outer);
                if (DX || AFFINE == VKN_AFFINE_ELEMENT || ACTIVATION != VKN_ACT_NONE) weight = weight_of(row, in_row, valid);
                if (ACTIVATION != VKN_ACT_NONE) bias = bias_of(row, in_row, valid);
            }
            vec4 g = dz_load(element, valid, xhat, weight, bias);
            if (DX) dresidual_store(element, valid, g * weight * n.rstd);
            if (AFFINE == VKN_AFFINE_ELEMENT) g *= weight;
            first += g;
            second += g * xhat;
            place_next(at, words);
        }
        sums_add(sums, first, second);
    }
    vec4 record = team_reduce(sums_record(sums), 0u);
    if (p.live && lane_index() == 0u) record_at[push.record_first + p.part * push.record_units + p.unit] = record;
}
