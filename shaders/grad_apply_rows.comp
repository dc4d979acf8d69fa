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
#include "activation.glsl"
#include "statistics.glsl"
#include "gradient.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(readonly, 1, dy, DTYPE, WIDE)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dx, DTYPE, WIDE)
FLOATS(readonly, 7, sums)
TENSOR(, 7, dresidual, DTYPE, WIDE)
LOAD(0, x)
LOAD(1, dy)
LOAD(5, added)
STORE(6, dx)
STORE(7, dresidual)
GRADIENT

void main() {
    Part p = part_of_team();
    uint group = group_of(p.unit);
    bool frozen = has(VKN_FROZEN);
    Normalizer n = normalizer_of(group);
    vec2 mean_g = vec2(0); // of g and of g * xhat
    if (!frozen) mean_g = vec2(AT(7, sums, group * 4u), AT(7, sums, group * 4u + 1u)) / AT(7, sums, group * 4u + 2u);
    if (!CENTERED) mean_g.x = 0.0;
    Affine affine = affine_of_unit(p.unit);
    uint words = words_in(p.run_count);
    Place at = place_first(words);
    for (uint block = 0u; block < p.outer_count * words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint valid = valid_at(at, p.outer_count, p.run_count);
            uint in_run = element_of(at.word);
            Access access = Access(p.first + at.outer * push.outer_stride + in_run, valid, k);
            affine_of_word(affine, affine_row(p.unit, p.outer_first + at.outer), p.run_first + in_run, valid);
            vec4 xhat = vec4(0);
            if (!frozen || ACTIVATION != VKN_ACT_NONE) xhat = normalize_with(n, x_load(access));
            vec4 g = dz_load(access, xhat, affine.weight, affine.bias) * affine.weight;
            if (!frozen) g = (g - mean_g.x) - xhat * mean_g.y;
            vec4 dx = g * n.rstd;
            if (RESIDUAL == VKN_ADD_BEFORE) dx += added_load(access);
            dx_store(access, dx);
            place_next(at, k, words);
        }
    }
}
