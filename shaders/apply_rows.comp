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
#include "activation.glsl"
#include "statistics.glsl"
#include "residual.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(, 1, y, DTYPE, WIDE)
STATISTICS(4)
TENSOR(, 6, h, DTYPE, WIDE)
TENSOR(readonly, 7, residual, DTYPE, WIDE)
LOAD(0, x)
STORE(1, y)
STORE(6, h)
LOAD(7, residual)
INPUT

void main() {
    Part p = part_of_team();
    Normalizer n = normalizer_of(group_of(p.unit));
    Affine affine = affine_of_unit(p.unit);
    uint words = words_in(p.run_count);
    Place at = place_first(words);
    for (uint block = 0u; block < p.outer_count * words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint valid = valid_at(at, p.outer_count, p.run_count);
            uint in_run = element_of(at.word);
            Access access = Access(p.first + at.outer * push.outer_stride + in_run, valid, k);
            affine_of_word(affine, affine_row(p.unit, p.outer_first + at.outer), p.run_first + in_run, valid);
            vec4 z = affine_map(normalize_with(n, input_load(access)), affine.weight, affine.bias);
            if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(access);
            y_store(access, activate(z));
            place_next(at, k, words);
        }
    }
}
