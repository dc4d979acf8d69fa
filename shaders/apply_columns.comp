// SPDX-License-Identifier: MIT
// y = act((x - mean) * rstd * weight + bias + residual) with statistics that are known, columns family.
#version 450
#define PUSH vkn_columns_push
#define RUNNING
#include "common.glsl"
#include "tensor.glsl"
#include "columns.glsl"
#include "affine.glsl"
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
COLUMN_STATISTICS
INPUT
const bool WITH_RESIDUAL = RESIDUAL != VKN_ADD_NOTHING;
#include "map_columns.glsl"

vec4 source_load(Access at) { return x_load(at); }
vec4 normalized_input(Access at, vec4 source, vec4 residual) { return input_of(at, source, residual); }

void main() {
    Columns c = columns_of_lane();
    if (c.count == 0u) return;
    take_words(c);
    ONCE_A_WORD(normalizers[w] = column_normalizers(word_of(c, w)))
    map_columns(c);
}
