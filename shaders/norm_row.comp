// SPDX-License-Identifier: MIT
// Forward of one statistic group in one dispatch: a team has a whole contiguous row.
//   mean = sum(x) / n,  var = sum((x - mean)^2) / n,  rstd = 1 / sqrt(var + eps)
//   y = act((x - mean) * rstd * weight + bias + residual)
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "moments.glsl"
#include "rows.glsl"
#include "affine.glsl"
#include "activation.glsl"
#include "residual.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(, 1, y, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
FLOATS(writeonly, 4, statistics)
TENSOR(readonly, 5, residual, DTYPE, WIDE)
TENSOR(, 6, h, DTYPE, WIDE)
LOAD(0, x)
STORE(1, y)
LOAD(2, weight)
LOAD(3, bias)
STATISTICS_STORE(4, statistics)
LOAD(5, residual)
LOAD(6, h)
STORE(6, h)
AFFINE_LOAD(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
AFFINE_LOAD(bias, VKN_HAS_BIAS, 0, 0)
INPUT

vec4 combine(vec4 a, vec4 b) { return moments_merge(a, b); }

void main() {
    Part p = part_of_team();
    uint lane = lane_index();
    uint count = p.live ? p.run_count : 0u;
    uint words = words_in(count);
    vec4 shift = vec4(0);
    Moments m = moments_empty();
    for (uint block = 0u; block < words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint word = word_of(block, k, lane);
            held[k] = input_load(p.first + word * 4u, valid_in(word, count));
        }
        if (block == 0u) shift = shift_of_word(held[0], valid_in(lane, count));
        moments_add_held(m, left_at(block, lane, count), 4u * LANES, shift);
        if (ON_CHIP) break;
    }
    Statistics s = statistics_of(team_reduce(moments_record(m, shift.x)), push.eps);

    uint row = affine_row(p.unit, 0u);
    for (uint block = 0u; block < words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint element = word_of(block, k, lane) * 4u, valid = valid_in(word_of(block, k, lane), count);
            if (valid == 0u) continue;
            vec4 x = held[k];
            if (!ON_CHIP)
                x = RESIDUAL == VKN_ADD_BEFORE ? h_load(p.first + element, valid) : x_load(p.first + element, valid);
            vec4 xhat = ((x - s.mean) - s.low) * s.rstd;
            vec4 z = affine_map(xhat, weight_of(row, element, valid), bias_of(row, element, valid));
            if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(p.first + element, valid);
            y_store(p.first + element, valid, activate(z));
        }
        if (ON_CHIP) break;
    }
    if (has(VKN_WRITE_STATISTICS) && p.live && lane == 0u) statistics_store(p.unit, s);
}
