// SPDX-License-Identifier: MIT
// Gradient of x of one statistic group in one dispatch: a team has a whole contiguous row. With g = dy * weight:
//   xhat = (x - mean) * rstd
//   dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n)        rms: without sum(g)
// Where one weight holds for the row, its sums of dy and dy * xhat are what dweight and dbias are made of.
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
TENSOR(writeonly, 2, dx)
TENSOR(readonly, 3, weight)
STATISTICS(4, mean, rstd, low)
layout(std430, set = 0, binding = 7) writeonly buffer records { vec4 record_at[]; };
LOAD(0, x)
LOAD(1, dy)
STORE(2, dx)
LOAD(3, weight)
AFFINE_LOAD(3, weight, VKN_HAS_WEIGHT, 1)

vec4 combine(vec4 a, vec4 b) { return a + b; }

void main() {
    Part p = part_of_team();
    uint lane = lane_index();
    uint count = p.live ? p.run_count : 0u;
    uint words = words_in(count);
    float mean = mean_of(p.unit), low = low_of(p.unit), rstd = rstd_of(p.unit);

    vec4 g[BLOCK], xhat[BLOCK];
    Sums sums = sums_empty();
    for (uint block = 0u; block < words; block += BLOCK * LANES) {
        vec4 first = vec4(0), second = vec4(0);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint element = word_of(block, k, lane) * 4u;
            uint valid = valid_in(word_of(block, k, lane), count);
            xhat[k] = mix(vec4(0), ((x_load(p.first + element, valid) - mean) - low) * rstd, valid_mask(valid));
            g[k] = dy_load(p.first + element, valid);
            if (AFFINE == VKN_AFFINE_ELEMENT) g[k] *= weight_of(p.unit, element, valid);
            first += g[k];
            second += g[k] * xhat[k];
        }
        sums_add(sums, first, second);
        if (ON_CHIP) break;
    }
    vec4 record = team_reduce(sums_record(sums));
    if (has(VKN_WRITE_SUMS) && p.live && lane == 0u) record_at[push.record_first + p.unit] = record;

    float factor = AFFINE == VKN_AFFINE_UNIT ? rstd * weight_of(p.unit, 0u, 1u).x : rstd;
    float of_g = CENTERED ? record.x * push.scale : 0.0;
    float of_gxhat = record.y * push.scale;
    for (uint block = 0u; block < words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint element = word_of(block, k, lane) * 4u;
            uint valid = valid_in(word_of(block, k, lane), count);
            if (valid == 0u) continue;
            if (!ON_CHIP) {
                xhat[k] = ((x_load(p.first + element, valid) - mean) - low) * rstd;
                g[k] = dy_load(p.first + element, valid);
                if (AFFINE == VKN_AFFINE_ELEMENT) g[k] *= weight_of(p.unit, element, valid);
            }
            dx_store(p.first + element, valid, factor * ((g[k] - of_g) - xhat[k] * of_gxhat));
        }
        if (ON_CHIP) break;
    }
}
