// SPDX-License-Identifier: MIT
// y = (x - mean) * rstd * weight + bias with statistics that are known, rows family.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "team.glsl"
#include "rows.glsl"
#include "affine.glsl"
#include "statistics.glsl"

TENSOR(readonly, 0, x)
TENSOR(writeonly, 1, y)
TENSOR(readonly, 2, weight)
TENSOR(readonly, 3, bias)
STATISTICS(4, mean, rstd, low)
LOAD(0, x)
STORE(1, y)
LOAD(2, weight)
LOAD(3, bias)
AFFINE_LOAD(2, weight, VKN_HAS_WEIGHT, 1)
AFFINE_LOAD(3, bias, VKN_HAS_BIAS, 0)

void main() {
    Part p = part_of_team();
    uint group = group_of(p.unit);
    float mean = mean_of(group), low = low_of(group), rstd = rstd_of(group);
    for (uint outer = 0u; outer < p.outer_count; ++outer) {
        uint first = p.first + outer * push.outer_stride;
        for (uint word = lane_index(); word < words_in(p.run_count); word += LANES) {
            uint valid = valid_in(word, p.run_count), element = p.run_first + word * 4u;
            vec4 xhat = ((x_load(first + word * 4u, valid) - mean) - low) * rstd;
            y_store(first + word * 4u, valid,
                    xhat * weight_of(p.unit, element, valid) + bias_of(p.unit, element, valid));
        }
    }
}
