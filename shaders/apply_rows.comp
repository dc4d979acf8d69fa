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

Access access_of(Part p, Place at, uint k) {
    uint element = p.first + at.outer * push.outer_stride + element_of(at.word);
    return Access(element, valid_at(at, p.outer_count, p.run_count), k);
}

// The words of a block are loaded before one is written: since y may lie where x does, no driver may do that by itself.
void main() {
    Part p = part_of_team();
    Normalizer n = normalizer_of(group_of(p.unit));
    Affine affine = affine_of_unit(p.unit);
    uint words = words_in(p.run_count);
    Place next = place_first(words), at[BLOCK];
    vec4 held[BLOCK];
    for (uint block = 0u; block < p.outer_count * words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            at[k] = next;
            held[k] = input_load(access_of(p, next, k));
            place_next(next, k, words);
        }
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            Access access = access_of(p, at[k], k);
            uint row = affine_row(p.unit, p.outer_first + at[k].outer);
            affine_of_word(affine, row, p.run_first + element_of(at[k].word), access.valid);
            vec4 z = affine_map(normalize_with(n, held[k]), affine.weight, affine.bias);
            if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(access);
            y_store(access, activate(z));
        }
    }
}
