// SPDX-License-Identifier: MIT
// Moments of one part of four units, columns family: four records a word.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "tensor.glsl"
#include "columns.glsl"
#include "moments_columns.glsl"
#include "records.glsl"
#include "residual.glsl"

SOURCE(0, x)
RECORDS(1, vec4)
TENSOR(readonly, 2, residual, DTYPE, WIDE)
TENSOR(, 3, h, DTYPE, WIDE)
SOURCE_LOAD(0, x)
LOAD(2, residual)
STORE(3, h)
INPUT

void main() {
    Columns c = columns_of_lane();
    take_words(c);
    moments_of_lane(c);
    [[unroll]] for (uint w = 0u; w < WORDS; ++w)
        [[unroll]] for (uint column = 0u; column < 4u; ++column)
            record_store(c, words[w], column, moments_of_team(c, w, column));
}
