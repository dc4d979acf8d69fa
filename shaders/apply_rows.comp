// SPDX-License-Identifier: MIT
// y = act((x - mean) * rstd * weight + bias + residual) with statistics that are known, rows family.
#version 450
#define PUSH vkn_rows_push
#define RUNNING
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "rows.glsl"
#include "affine.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "residual.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(, 1, y, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 6, residual, DTYPE, WIDE)
TENSOR(, 7, h, DTYPE, WIDE)
LOAD(0, x)
STORE(1, y)
LOAD(2, weight)
LOAD(3, bias)
LOAD(6, residual)
STORE(7, h)
AFFINE_LOAD(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
AFFINE_LOAD(bias, VKN_HAS_BIAS, 0, 0)
INPUT

void main() {
    Part p = part_of_team();
    Normalizer n = normalizer_of(group_of(p.unit));
    // One weight for the unit is read once.
    vec4 weight = vec4(1), bias = vec4(0);
    if (AFFINE == VKN_AFFINE_UNIT) {
        weight = weight_of(affine_row(p.unit, 0u), 0u, 4u);
        bias = bias_of(affine_row(p.unit, 0u), 0u, 4u);
    }
    uint words = words_in(p.run_count);
    Place at = Place(0u, lane_index());
    for (uint done = 0u; done < p.outer_count * words; done += LANES) {
        uint valid = valid_at(at, p.outer_count, p.run_count);
        uint element = p.first + at.outer * push.outer_stride + at.word * 4u;
        if (AFFINE != VKN_AFFINE_UNIT) {
            uint row = affine_row(p.unit, p.outer_first + at.outer), in_row = p.run_first + at.word * 4u;
            weight = weight_of(row, in_row, valid);
            bias = bias_of(row, in_row, valid);
        }
        vec4 z = affine_map(normalize_with(n, input_load(element, valid)), weight, bias);
        if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(element, valid);
        y_store(element, valid, activate(z));
        place_next(at, words);
    }
}
