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

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(, 1, y, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 6, residual, DTYPE, WIDE)
TENSOR(, 7, h, DTYPE, WIDE)
LOAD(0, x)
STORE(1, y)
LOAD_WORD(2, weight)
LOAD_WORD(3, bias)
LOAD(6, residual)
STORE(7, h)
COLUMN_AFFINE(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
COLUMN_AFFINE(bias, VKN_HAS_BIAS, 0, 0)
COLUMN_STATISTICS
INPUT

// What is the same for all positions of a word.
Word words[WORDS];
ColumnNormalizers normalizers[WORDS];
vec4 weights[WORDS], biases[WORDS];

void main() {
    Columns c = columns_of_invocation();
    if (c.count == 0u) return;
    [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
        words[w] = word_of(c, w);
        normalizers[w] = column_normalizers(words[w]);
        weights[w] = weight_columns(words[w]);
        biases[w] = bias_columns(words[w]);
    }
    for (uint k = 0u; k < c.count; ++k) {
        [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
            Access at = Access(c.first + k * c.step + words[w].column, words[w].valid, w);
            vec4 x = input_load(at);
            vec4 z = affine_map(normalize_columns(normalizers[w], x), weights[w], biases[w]);
            if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(at);
            y_store(at, activate(z));
        }
    }
}
