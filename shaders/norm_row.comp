// SPDX-License-Identifier: MIT
// Forward of one statistic group in one dispatch: a team has a whole contiguous row.
//   mean = sum(x) / n,  var = sum((x - mean)^2) / n,  rstd = 1 / sqrt(var + eps)
//   y = act((x - mean) * rstd * weight + bias + residual)
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "moments_rows.glsl"
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

// The same, once it has been loaded.
vec4 input_again(uint element, uint valid) {
    return RESIDUAL == VKN_ADD_BEFORE ? h_load(element, valid) : x_load(element, valid);
}

vec4 combine(vec4 a, vec4 b) { return moments_merge(a, b); }

// Weights that all rows of a team share stay in registers.
const bool KEPT = ON_CHIP && AFFINE == VKN_AFFINE_ELEMENT;
vec4 kept_weight[BLOCK], kept_bias[BLOCK];

void keep_weights(uint row, uint lane) {
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        uint word = word_of(0u, k, lane), valid = valid_in(word, push.run);
        kept_weight[k] = weight_of(row, word * 4u, valid);
        kept_bias[k] = bias_of(row, word * 4u, valid);
    }
}

void write_unit(Statistics s, uint row, uint first, uint count) {
    vec4 unit_weight = vec4(1), unit_bias = vec4(0);
    if (AFFINE == VKN_AFFINE_UNIT) {
        unit_weight = weight_of(row, 0u, 4u);
        unit_bias = bias_of(row, 0u, 4u);
    }
    uint words = words_in(push.run);
    Place at = Place(0u, lane_index());
    for (uint block = 0u; block < push.outers * words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint valid = valid_at(at, push.outers, count), in_row = at.word * 4u;
            uint element = first + at.outer * push.outer_stride + in_row;
            place_next(at, words);
            if (!WHOLE && valid == 0u) continue;
            vec4 x = ON_CHIP ? held[k] : input_again(element, valid);
            vec4 weight = unit_weight, bias = unit_bias;
            if (AFFINE != VKN_AFFINE_UNIT) {
                weight = KEPT ? kept_weight[k] : weight_of(row, in_row, valid);
                bias = KEPT ? kept_bias[k] : bias_of(row, in_row, valid);
            }
            vec4 z = affine_map(((x - s.mean) - s.low) * s.rstd, weight, bias);
            if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(element, valid);
            y_store(element, valid, activate(z));
        }
        if (ON_CHIP) break;
    }
}

// y of ROWS rows that are too wide for registers.
void write_rows(Statistics s[ROWS], Part p, uint done, uint lane) {
    uint words = words_in(push.run), row = affine_row(p.unit, 0u);
    for (uint word = lane; word < words; word += LANES) {
        uint in_row = word * 4u, valid = valid_in(word, push.run);
        vec4 weight = weight_of(row, in_row, valid), bias = bias_of(row, in_row, valid);
        [[unroll]] for (uint i = 0u; i < ROWS; ++i) {
            uint element = p.first + (done + i) * push.unit_stride + in_row, there = done + i < p.units ? valid : 0u;
            vec4 x = input_again(element, there);
            vec4 z = affine_map(((x - s[i].mean) - s[i].low) * s[i].rstd, weight, bias);
            if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(element, there);
            y_store(element, there, activate(z));
        }
    }
}

void main() {
    Part p = part_of_team();
    uint lane = lane_index();
    if (KEPT) keep_weights(affine_row(p.unit, 0u), lane);
    // WHOLE words are written unseen: a folded grid's workgroups beyond the last one, which are so as a whole, have none.
    uint rows = WHOLE && !p.live ? 0u : push.unit_step;
    for (uint r = 0u; r < rows; r += ROWS) {
        Statistics s[ROWS];
        [[unroll]] for (uint i = 0u; i < ROWS; ++i) {
            bool live = r + i < p.units;
            uint count = live ? push.run : 0u, first = p.first + (r + i) * push.unit_stride, unit = p.unit + r + i;
            vec4 record = team_reduce(moments_of_lane(first, push.outers, count), (r + i) & 1u);
            s[i] = statistics_of(record, push.eps);
            if (ROWS == 1u) write_unit(s[i], affine_row(unit, 0u), first, count);
            if (has(VKN_WRITE_STATISTICS) && live && lane == 0u) statistics_store(unit, s[i]);
        }
        if (ROWS > 1u) write_rows(s, p, r, lane);
    }
}
