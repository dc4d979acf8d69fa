// SPDX-License-Identifier: MIT
// Sums of g and g * xhat over one part of a unit, rows family: one record a team.
// g = dy, or dy * weight where each element of the row has its own weight.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "team.glsl"
#include "sums.glsl"
#include "rows.glsl"
#include "affine.glsl"
#include "statistics.glsl"

TENSOR(readonly, 0, x)
TENSOR(readonly, 1, dy)
TENSOR(readonly, 2, weight)
STATISTICS(3, mean, rstd, low)
layout(std430, set = 0, binding = 6) writeonly buffer records { vec4 record_at[]; };
LOAD(0, x)
LOAD(1, dy)
LOAD(2, weight)
AFFINE_LOAD(2, weight, VKN_HAS_WEIGHT, 1)

vec4 combine(vec4 a, vec4 b) { return a + b; }

void main() {
    Part p = part_of_team();
    uint lane = lane_index();
    uint group = group_of(p.unit);
    float mean = mean_of(group), low = low_of(group), rstd = rstd_of(group);
    Sums sums = sums_empty();
    for (uint outer = 0u; outer < p.outer_count; ++outer) {
        uint start = p.first + outer * push.outer_stride;
        for (uint block = 0u; block < words_in(p.run_count); block += BLOCK * LANES) {
            vec4 first = vec4(0), second = vec4(0);
            [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
                uint word = word_of(block, k, lane), valid = valid_in(word, p.run_count);
                vec4 g = dy_load(start + word * 4u, valid);
                if (AFFINE == VKN_AFFINE_ELEMENT) g *= weight_of(p.unit, p.run_first + word * 4u, valid);
                vec4 centered = (x_load(start + word * 4u, valid) - mean) - low;
                first += g;
                second += g * mix(vec4(0), centered, valid_mask(valid));
            }
            sums_add(sums, first, second);
        }
    }
    vec4 record = team_reduce(sums_record(sums)) * vec4(1, rstd, 1, 1);
    if (p.live && lane == 0u) record_at[push.record_first + p.part * push.record_units + p.unit] = record;
}
