// SPDX-License-Identifier: MIT
// Moments of one part of a unit, rows family: one record a team.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "moments.glsl"
#include "rows.glsl"
#include "residual.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
layout(std430, set = 0, binding = 1) writeonly buffer records { vec4 record_at[]; };
TENSOR(readonly, 2, residual, DTYPE, WIDE)
TENSOR(, 3, h, DTYPE, WIDE)
LOAD(0, x)
LOAD(2, residual)
STORE(3, h)
INPUT

vec4 combine(vec4 a, vec4 b) { return moments_merge(a, b); }

void main() {
    Part p = part_of_team();
    uint lane = lane_index();
    vec4 shift = vec4(0);
    Moments m = moments_empty();
    for (uint outer = 0u; outer < p.outer_count; ++outer) {
        uint first = p.first + outer * push.outer_stride;
        for (uint block = 0u; block < words_in(p.run_count); block += BLOCK * LANES) {
            [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
                uint word = word_of(block, k, lane);
                held[k] = input_load(first + word * 4u, valid_in(word, p.run_count));
            }
            if (outer == 0u && block == 0u) shift = shift_of_word(held[0], valid_in(lane, p.run_count));
            moments_add_held(m, left_at(block, lane, p.run_count), 4u * LANES, shift);
        }
    }
    vec4 record = team_reduce(moments_record(m, shift.x));
    if (p.live && lane == 0u) record_at[push.record_first + p.part * push.record_units + p.unit] = record;
}
