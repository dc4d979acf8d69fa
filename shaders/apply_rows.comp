// SPDX-License-Identifier: MIT
// y = act((x - mean) * rstd * weight + bias + residual) with statistics that are known, rows family.
#version 450
#define PUSH vkn_rows_push
#define RUNNING
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "rows.glsl"
#include "affine_rows.glsl"
#include "ahead_rows.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "residual.glsl"

SOURCE(0, x)
TENSOR(, 1, y, DTYPE, WIDE)
STATISTICS(4)
TENSOR(, 6, h, DTYPE, WIDE)
TENSOR(readonly, 7, residual, DTYPE, WIDE)
SOURCE_LOAD(0, x)
STORE(1, y)
STORE(6, h)
LOAD(7, residual)
INPUT

void main() {
    Part p = part_of_team();
    Normalizer n = normalizer_of(group_of(p.unit));
    of_unit = affine_of_unit(p.unit);
    uint words = words_in(p.run_count);
    Place next = place_first(words);
    vec4 x[BLOCK], residual[BLOCK];
    for (uint block = 0u; block < p.outer_count * words; block += BLOCK * LANES) {
        take_block(p, next, words);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            x[k] = x_load(access_of(p, k));
            if (RESIDUAL != VKN_ADD_NOTHING) residual[k] = residual_load(access_of(p, k));
        }
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            Affine affine = affine_of(k);
            vec4 xhat = normalize_with(n, input_of(access_of(p, k), x[k], residual[k]));
            vec4 z = affine_map(xhat, affine.weight, affine.bias);
            if (RESIDUAL == VKN_ADD_AFTER) z += residual[k];
            y_store(access_of(p, k), activate(z));
        }
    }
}
