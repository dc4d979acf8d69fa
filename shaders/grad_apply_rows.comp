// SPDX-License-Identifier: MIT
// dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n) + dh, g = dz * weight, with sums that are known, rows family.
// Frozen statistics: dx = rstd * g + dh, and where no pass before this one did dz is written.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
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
TENSOR(, 6, dx, DTYPE, WIDE)
FLOATS(readonly, 7, sums)
TENSOR(, 7, dresidual, DTYPE, WIDE)
SOURCE_LOAD(0, x)
SOURCE_LOAD(1, dy)
LOAD(5, added)
STORE(6, dx)
STORE(7, dresidual)
GRADIENT

void main() {
    Part p = part_of_team();
    uint group = group_of(p.unit);
    Normalizer n = normalizer_of(group);
    vec2 mean_g = vec2(0); // of g and of g * xhat
    if (!FROZEN) mean_g = vec2(AT(7, sums, group * 4u), AT(7, sums, group * 4u + 1u)) / AT(7, sums, group * 4u + 2u);
    if (!CENTERED) mean_g.x = 0.0;
    of_unit = affine_of_unit(p.unit);
    uint words = words_in(p.run_count);
    Place next = place_first(words);
    vec4 x[BLOCK], dy[BLOCK], added[BLOCK];
    for (uint block = 0u; block < p.outer_count * words; block += BLOCK * LANES) {
        take_block(p, next, words);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) load_word(access_of(p, k), x[k], dy[k], added[k]);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            Affine affine = affine_of(k);
            vec4 xhat = normalize_with(n, x[k]);
            vec4 g = dz_of(access_of(p, k), dy[k], added[k], xhat, affine.weight, affine.bias) * affine.weight;
            if (!FROZEN) g = (g - mean_g.x) - xhat * mean_g.y;
            vec4 dx = g * n.rstd;
            if (RESIDUAL == VKN_ADD_BEFORE) dx += added[k];
            dx_store(access_of(p, k), dx);
        }
    }
}
