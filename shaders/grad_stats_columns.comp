// SPDX-License-Identifier: MIT
// Sums of dz and dz * xhat over one part of four columns: four records a word. Statistics belong to the column's group, or
// (layer and rms, whose weights are columns of [rows][normalized size]) to the position.
// Frozen statistics (VKN_DX_BESIDE): dx = dz * weight * rstd. Where a team has all positions of its columns, and each is a
// statistic group (VKN_DX_AFTER):
//   dx = rstd * weight * (dz - sum(dz) / n - xhat * sum(dz * xhat) / n) + dh
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "tensor.glsl"
#include "sums.glsl"
#include "columns.glsl"
#include "records.glsl"
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
TENSOR(, 6, dresidual, DTYPE, WIDE) // or dx
RECORDS(7, vec2)
SOURCE_LOAD(0, x)
SOURCE_LOAD(1, dy)
LOAD_WORD(2, weight)
LOAD_WORD(3, bias)
LOAD(5, added)
STORE(6, dresidual)
COLUMN_AFFINE(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
COLUMN_AFFINE(bias, VKN_HAS_BIAS, 0, 0)
COLUMN_STATISTICS
GRADIENT

const bool BY_POSITION = AFFINE == VKN_AFFINE_ELEMENT;

// What is the same for all positions of four columns.
struct Parameters {
    ColumnNormalizers normalizers;
    vec4 weight, bias;
};

Parameters parameters_of(Word w) {
    Parameters p = Parameters(ColumnNormalizers(vec4(0), vec4(0), vec4(0)), vec4(1), vec4(0));
    if (!BY_POSITION) p.normalizers = column_normalizers(w);
    if (DX == VKN_DX_NONE && ACTIVATION == VKN_ACT_NONE) return p;
    p.weight = weight_columns(w);
    p.bias = bias_columns(w);
    return p;
}

Parameters parameters[WORDS];
Sums sums[WORDS];
vec4 first[WORDS], second[WORDS]; // of a few positions

void begin_block() {
    [[unroll]] for (uint w = 0u; w < WORDS; ++w)
        first[w] = second[w] = vec4(0);
}

void end_block() {
    [[unroll]] for (uint w = 0u; w < WORDS; ++w)
        sums_add(sums[w], first[w], second[w]);
}

void add_position(Columns c, uint k) {
    Normalizer own;
    if (BY_POSITION) own = normalizer_of(c.plane * push.stat_plane + (c.position + k * LANES) * push.stat_position);
    [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
        Parameters p = parameters[w];
        Access at = access_of(c, k, w);
        vec4 x, dy, added;
        load_word(at, x, dy, added);
        vec4 xhat = BY_POSITION ? normalize_with(own, x) : normalize_columns(p.normalizers, x);
        vec4 dz = dz_of(at, dy, added, xhat, p.weight, p.bias);
        if (DX == VKN_DX_BESIDE) dresidual_store(at, dz * p.weight * p.normalizers.rstd);
        first[w] += dz;
        second[w] += dz * xhat;
    }
}

void sums_of_lane(Columns c) {
    [[unroll]] for (uint w = 0u; w < WORDS; ++w)
        sums[w] = sums_empty();
    uint k = 0u;
    for (; k + POSITIONS <= c.count; k += POSITIONS) {
        begin_block();
        [[unroll]] for (uint i = 0u; i < POSITIONS; ++i)
            add_position(c, k + i);
        end_block();
    }
    if (POSITIONS == 1u) return; // none is left
    begin_block();
    for (; k < c.count; ++k)
        add_position(c, k);
    end_block();
}

vec4 combine(vec4 mine, vec4 other, bool first) { return mine + other; }

// The team's sums. They are arrays of their own, so that an index that varies leaves the lane's in registers.
vec4 total[WORDS], total_x[WORDS];

void records_store(Columns c, uint w) {
    Word word = word_of(c, w);
    [[unroll]] for (uint column = 0u; column < 4u; ++column)
        record_store(c, word, column, vec2(total[w][column], total_x[w][column]));
}

void write_dx(Columns c) {
    float n = float(push.positions);
    for (uint k = 0u; k < c.count; ++k) {
        [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
            Parameters p = parameters[w];
            Access at = access_of(c, k, w);
            vec4 x, dy, added;
            load_word(at, x, dy, added);
            vec4 xhat = normalize_columns(p.normalizers, x);
            vec4 dz = dz_of(at, dy, added, xhat, p.weight, p.bias);
            vec4 dx = p.normalizers.rstd * p.weight * ((dz - total[w] / n) - xhat * (total_x[w] / n));
            if (RESIDUAL == VKN_ADD_BEFORE) dx += added;
            dresidual_store(at, dx);
        }
    }
}

void main() {
    Columns c = columns_of_lane();
    take_words(c);
    ONCE_A_WORD(parameters[w] = parameters_of(word_of(c, w)))
    sums_of_lane(c);
    [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
        total[w] = team_reduce(sums[w].first - sums[w].first_carry, 0u);
        total_x[w] = team_reduce(sums[w].second - sums[w].second_carry, 1u);
    }
    ONCE_A_WORD(records_store(c, w))
    if (DX == VKN_DX_AFTER) write_dx(c);
}
