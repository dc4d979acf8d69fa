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
    for (uint outer = 0u; outer < p.outer_count; ++outer) {
        uint first = p.first + outer * push.outer_stride, row = affine_row(p.unit, p.outer_first + outer);
        for (uint word = lane_index(); word < words_in(p.run_count); word += LANES) {
            uint valid = valid_in(word, p.run_count), element = p.run_first + word * 4u;
            vec4 xhat = normalize_with(n, input_load(first + word * 4u, valid));
            vec4 z = affine_map(xhat, weight_of(row, element, valid), bias_of(row, element, valid));
            if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(first + word * 4u, valid);
            y_store(first + word * 4u, valid, activate(z));
        }
    }
}
