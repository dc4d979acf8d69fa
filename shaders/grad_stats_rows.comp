// SPDX-License-Identifier: MIT
// Sums of g and g * xhat over one part of a unit, rows family: one record a team.
// g = dz, or dz * weight where each element of the row has its own weight.
// Frozen statistics (VKN_DX_BESIDE): dx = dz * weight * rstd beside them.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "sums.glsl"
#include "rows.glsl"
#include "affine_rows.glsl"
#include "ahead_rows.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "gradient.glsl"

SOURCE(0, x)
SOURCE(1, dy)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dresidual, DTYPE, WIDE) // DX: dx
layout(std430, set = 0, binding = 7) writeonly buffer records { vec2 record_at[]; };
SOURCE_LOAD(0, x)
SOURCE_LOAD(1, dy)
LOAD(5, added)
STORE(6, dresidual)
GRADIENT

vec4 combine(vec4 mine, vec4 other, bool first) { return mine + other; }

void main() {
    Part p = part_of_team();
    Normalizer n = normalizer_of(group_of(p.unit));
    of_unit = affine_of_unit(p.unit);
    Sums sums = sums_empty();
    uint words = words_in(p.run_count);
    Place next = place_first(words);
    vec4 x[BLOCK], dy[BLOCK], added[BLOCK];
    for (uint block = 0u; block < p.outer_count * words; block += BLOCK * LANES) {
        vec4 first = vec4(0), second = vec4(0);
        take_block(p, next, words);
        if (DX == VKN_DX_NONE) {
            [[unroll]] for (uint k = 0u; k < BLOCK; ++k) load_word(access_of(p, k), x[k], dy[k], added[k]);
        }
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            Affine affine = affine_of(k);
            Access access = access_of(p, k);
            if (DX != VKN_DX_NONE) load_word(access, x[k], dy[k], added[k]);
            vec4 xhat = masked(normalize_with(n, x[k]), access.valid);
            vec4 g = dz_of(access, dy[k], added[k], xhat, affine.weight, affine.bias);
            if (DX == VKN_DX_BESIDE) dresidual_store(access, g * affine.weight * n.rstd);
            if (BY_ELEMENT) g *= affine.weight;
            first += g;
            second += g * xhat;
        }
        sums_add(sums, first, second);
    }
    vec2 record = team_reduce(sums_of(sums), 0u).xy;
    if (p.live && lane_index() == 0u) record_at[push.record_first + p.part * push.record_units + p.unit] = record;
}
