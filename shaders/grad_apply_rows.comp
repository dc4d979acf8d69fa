// SPDX-License-Identifier: MIT
// dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n), g = dy * weight, with sums that are known, rows family.
// Frozen statistics: dx = rstd * g.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "team.glsl"
#include "rows.glsl"
#include "affine.glsl"
#include "statistics.glsl"

TENSOR(readonly, 0, x)
TENSOR(readonly, 1, dy)
TENSOR(writeonly, 2, dx)
TENSOR(readonly, 3, weight)
STATISTICS(4, mean, rstd, low)
layout(std430, set = 0, binding = 7) readonly buffer group_sums { vec2 group_sums_at[]; };
LOAD(0, x)
LOAD(1, dy)
STORE(2, dx)
LOAD(3, weight)
AFFINE_LOAD(3, weight, VKN_HAS_WEIGHT, 1)

void main() {
    Part p = part_of_team();
    uint group = group_of(p.unit);
    bool frozen = has(VKN_FROZEN);
    float rstd = rstd_of(group);
    float mean = frozen ? 0.0 : mean_of(group), low = frozen ? 0.0 : low_of(group);
    vec2 sums = frozen ? vec2(0) : group_sums_at[group] * push.scale;
    if (!CENTERED) sums.x = 0.0;
    for (uint outer = 0u; outer < p.outer_count; ++outer) {
        uint first = p.first + outer * push.outer_stride;
        for (uint word = lane_index(); word < words_in(p.run_count); word += LANES) {
            uint valid = valid_in(word, p.run_count);
            vec4 g = dy_load(first + word * 4u, valid) * weight_of(p.unit, p.run_first + word * 4u, valid);
            if (!frozen) {
                vec4 xhat = ((x_load(first + word * 4u, valid) - mean) - low) * rstd;
                g = (g - sums.x) - xhat * sums.y;
            }
            dx_store(first + word * 4u, valid, g * rstd);
        }
    }
}
