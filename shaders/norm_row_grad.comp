// SPDX-License-Identifier: MIT
// Gradient of x of one statistic group in one dispatch: a team has a whole contiguous row. With g = dz * weight:
//   xhat = (x - mean) * rstd
//   dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n) + dh        rms: without sum(g)
// Where one weight holds for the row, its sums of dz and dz * xhat are what dweight and dbias are made of.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "sums.glsl"
#include "rows.glsl"
#include "affine.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "gradient.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(readonly, 1, dy, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dx, DTYPE, WIDE)
layout(std430, set = 0, binding = 7) writeonly buffer records { vec4 record_at[]; };
TENSOR(, 7, dresidual, DTYPE, WIDE)
LOAD(0, x)
LOAD(1, dy)
LOAD(2, weight)
LOAD(3, bias)
LOAD(5, added)
STORE(6, dx)
LOAD(7, dresidual)
STORE(7, dresidual)
AFFINE_LOAD(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
AFFINE_LOAD(bias, VKN_HAS_BIAS, 0, 0)
GRADIENT

vec4 combine(vec4 a, vec4 b) { return a + b; }

// xhat and g of a word. `again`: dz has been written before, and may lie where dy did.
void word_of_gradient(Normalizer n, uint row, uint first, uint in_row, uint valid, bool again, out vec4 xhat,
                      out vec4 g) {
    xhat = mix(vec4(0), normalize_with(n, x_load(first + in_row, valid)), valid_mask(valid));
    vec4 weight = vec4(1), bias = vec4(0);
    if (AFFINE == VKN_AFFINE_ELEMENT || ACTIVATION != VKN_ACT_NONE) weight = weight_of(row, in_row, valid);
    if (ACTIVATION != VKN_ACT_NONE) bias = bias_of(row, in_row, valid);
    if (DRESIDUAL && again) g = dresidual_load(first + in_row, valid);
    else g = dz_load(first + in_row, valid, xhat, weight, bias);
    if (AFFINE == VKN_AFFINE_ELEMENT) g *= weight;
}

void main() {
    Part p = part_of_team();
    uint lane = lane_index(), row = affine_row(p.unit, 0u);
    uint count = p.live ? p.run_count : 0u;
    uint words = words_in(count);
    Normalizer n = normalizer_of(p.unit);

    vec4 g[BLOCK], xhat[BLOCK];
    Sums sums = sums_empty();
    for (uint block = 0u; block < words; block += BLOCK * LANES) {
        vec4 first = vec4(0), second = vec4(0);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint word = word_of(block, k, lane);
            word_of_gradient(n, row, p.first, word * 4u, valid_in(word, count), false, xhat[k], g[k]);
            first += g[k];
            second += g[k] * xhat[k];
        }
        sums_add(sums, first, second);
        if (ON_CHIP) break;
    }
    vec4 record = team_reduce(sums_record(sums));
    if (has(VKN_WRITE_SUMS) && p.live && lane == 0u) record_at[push.record_first + p.unit] = record;

    float factor = AFFINE == VKN_AFFINE_UNIT ? n.rstd * weight_of(row, 0u, 1u).x : n.rstd;
    vec2 mean_g = record.xy / float(push.run); // of g and of g * xhat
    if (!CENTERED) mean_g.x = 0.0;
    for (uint block = 0u; block < words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint word = word_of(block, k, lane), valid = valid_in(word, count), element = p.first + word * 4u;
            if (valid == 0u) continue;
            if (!ON_CHIP) word_of_gradient(n, row, p.first, word * 4u, valid, true, xhat[k], g[k]);
            vec4 dx = factor * ((g[k] - mean_g.x) - xhat[k] * mean_g.y);
            if (RESIDUAL == VKN_ADD_BEFORE) dx += added_load(element, valid);
            dx_store(element, valid, dx);
        }
        if (ON_CHIP) break;
    }
}
