// SPDX-License-Identifier: MIT
// Forward of one statistic group in one dispatch: a team has a whole contiguous row.
//   mean = sum(x) / n,  var = sum((x - mean)^2) / n,  rstd = 1 / sqrt(var + eps)
//   y = (x - mean) * rstd * weight + bias
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "team.glsl"
#include "moments.glsl"
#include "rows.glsl"
#include "affine.glsl"

TENSOR(readonly, 0, x)
TENSOR(writeonly, 1, y)
TENSOR(readonly, 2, weight)
TENSOR(readonly, 3, bias)
FLOATS(writeonly, 4, mean)
FLOATS(writeonly, 5, rstd)
FLOATS(writeonly, 6, variance)
LOAD(0, x)
STORE(1, y)
LOAD(2, weight)
LOAD(3, bias)
AFFINE_LOAD(2, weight, VKN_HAS_WEIGHT, 1)
AFFINE_LOAD(3, bias, VKN_HAS_BIAS, 0)

vec4 combine(vec4 a, vec4 b) { return moments_merge(a, b); }

void write_statistics(uint row, Statistics s) {
    if (has(VKN_WRITE_MEAN)) AT(4, mean, row) = s.mean;
    if (has(VKN_WRITE_RSTD)) AT(5, rstd, row) = s.rstd;
    if (has(VKN_WRITE_VARIANCE)) AT(6, variance, row) = s.variance;
}

void main() {
    Part p = part_of_team();
    uint lane = lane_index();
    uint count = p.live ? p.run_count : 0u;
    uint words = words_in(count);
    float shift = 0.0;
    if (CENTERED && count > 0u)
        shift = median(AT(0, x, p.first), AT(0, x, p.first + count / 2u), AT(0, x, p.first + count - 1u));

    Moments m = moments_empty();
    for (uint block = 0u; block < words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint word = word_of(block, k, lane);
            held[k] = x_load(p.first + word * 4u, valid_in(word, count));
        }
        moments_add_held(m, left_at(block, lane, count), 4u * LANES, vec4(shift));
        if (ON_CHIP) break;
    }
    Statistics s = statistics_of(team_reduce(moments_record(m, shift)), push.scale, push.eps);

    for (uint block = 0u; block < words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint element = word_of(block, k, lane) * 4u, valid = valid_in(word_of(block, k, lane), count);
            if (valid == 0u) continue;
            vec4 x = ON_CHIP ? held[k] : x_load(p.first + element, valid);
            vec4 xhat = ((x - s.mean) - s.low) * s.rstd;
            y_store(p.first + element, valid,
                    xhat * weight_of(p.unit, element, valid) + bias_of(p.unit, element, valid));
        }
        if (ON_CHIP) break;
    }
    if (p.live && lane == 0u) write_statistics(p.unit, s);
}
