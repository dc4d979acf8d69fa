// SPDX-License-Identifier: MIT
// dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n) + dh, g = dz * weight, with sums that are known, columns family.
// Frozen statistics: dx = rstd * g + dh, and where no pass before this one did dz is written.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "tensor.glsl"
#include "columns.glsl"
#include "affine.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "gradient.glsl"

SOURCE(0, x)
SOURCE(1, dy)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dx, DTYPE, WIDE)
FLOATS(readonly, 7, sums)
TENSOR(, 7, dresidual, DTYPE, WIDE)
SOURCE_LOAD(0, x)
SOURCE_LOAD(1, dy)
LOAD_WORD(2, weight)
LOAD_WORD(3, bias)
LOAD(5, added)
STORE(6, dx)
STORE(7, dresidual)
COLUMN_AFFINE(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
COLUMN_AFFINE(bias, VKN_HAS_BIAS, 0, 0)
COLUMN_STATISTICS
GRADIENT

// What is the same for all positions of four columns.
struct Parameters {
    ColumnNormalizers normalizers;
    vec4 weight, bias, mean_g, mean_gxhat;
};

Parameters parameters_of(Word w) {
    Parameters p = Parameters(column_normalizers(w), weight_columns(w), bias_columns(w), vec4(0), vec4(0));
    if (FROZEN) return p;
    [[unroll]] for (uint k = 0u; k < 4u; ++k) {
        uint first = group_of(w, k) * 4u;
        float count = AT(7, sums, first + 2u);
        p.mean_g[k] = AT(7, sums, first) / count;
        p.mean_gxhat[k] = AT(7, sums, first + 1u) / count;
    }
    return p;
}

Parameters parameters[WORDS];
vec4 x[POSITIONS * WORDS], dy[POSITIONS * WORDS], added[POSITIONS * WORDS];

void write_word(Access at, uint w, vec4 x, vec4 dy, vec4 added) {
    Parameters p = parameters[w];
    vec4 xhat = normalize_columns(p.normalizers, x);
    vec4 g = dz_of(at, dy, added, xhat, p.weight, p.bias) * p.weight;
    if (!FROZEN) g = (g - p.mean_g) - xhat * p.mean_gxhat;
    vec4 dx = g * p.normalizers.rstd;
    if (RESIDUAL == VKN_ADD_BEFORE) dx += added;
    dx_store(at, dx);
}

void map_word(Access at, uint w) {
    vec4 x, dy, added;
    load_word(at, x, dy, added);
    write_word(at, w, x, dy, added);
}

void main() {
    Columns c = columns_of_lane();
    if (c.count == 0u) return;
    take_words(c);
    ONCE_A_WORD(parameters[w] = parameters_of(word_of(c, w)))
    for (uint k = 0u; k < c.count; k += POSITIONS) {
        if (POSITIONS == 1u) {
            [[unroll]] for (uint w = 0u; w < WORDS; ++w) map_word(access_of(c, k, w), w);
        } else {
            [[unroll]] for (uint n = 0u; n < POSITIONS * WORDS; ++n)
                load_word(access_ahead(c, k, n), x[n], dy[n], added[n]);
            [[unroll]] for (uint n = 0u; n < POSITIONS * WORDS; ++n)
                write_word(access_ahead(c, k, n), n % WORDS, x[n], dy[n], added[n]);
        }
    }
}
