// SPDX-License-Identifier: MIT
// Gradient of x of one statistic group in one dispatch: a team has a whole contiguous row. With g = dz * weight:
//   xhat = (x - mean) * rstd
//   dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n) + dh        rms: without sum(g)
// dweight and dbias are made of records of the sums of dz and dz * xhat: of the row, where one weight holds for it, or
// (SUMS) of each element of the rows of a team, or where a row is too wide for registers of ROWS of them.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "sums.glsl"
#include "rows.glsl"
#include "affine.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "gradient.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(readonly, 1, dy, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dx, DTYPE, WIDE)
layout(std430, set = 0, binding = 7) writeonly buffer records { vec4 record_at[]; };
TENSOR(, 7, dresidual, DTYPE, WIDE)
LOAD(0, x)
LOAD(1, dy)
LOAD(2, weight)
LOAD(3, bias)
LOAD(5, added)
STORE(6, dx)
LOAD(7, dresidual)
STORE(7, dresidual)
AFFINE_LOAD(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
AFFINE_LOAD(bias, VKN_HAS_BIAS, 0, 0)
GRADIENT

vec4 combine(vec4 a, vec4 b) { return a + b; }

vec4 sums_record(Sums s) {
    return vec4(sum_of(s.first) - sum_of(s.first_carry), sum_of(s.second) - sum_of(s.second_carry), 0, 0);
}

// Weights that all rows of a team share stay in registers, and so do the sums of each element.
const bool KEPT = ON_CHIP && AFFINE == VKN_AFFINE_ELEMENT;
const bool READS_BIAS = ACTIVATION != VKN_ACT_NONE;
vec4 kept_weight[BLOCK], kept_bias[BLOCK], sum_dz[BLOCK], sum_dzx[BLOCK];
vec4 g[BLOCK], xhat[BLOCK];

void keep_weights(uint row, uint lane) {
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        uint word = word_of(0u, k, lane), valid = valid_in(word, push.run);
        kept_weight[k] = weight_of(row, word * 4u, valid);
        if (READS_BIAS) kept_bias[k] = bias_of(row, word * 4u, valid);
        if (SUMS) sum_dz[k] = sum_dzx[k] = vec4(0);
    }
}

// The weight and bias that z and g are made with: `unit` is the row's own, where one holds for it.
struct Affine {
    vec4 weight, bias;
};

Affine affine_of_unit(uint row) {
    bool needed = AFFINE == VKN_AFFINE_UNIT && READS_BIAS;
    return Affine(needed ? weight_of(row, 0u, 4u) : vec4(1), needed ? bias_of(row, 0u, 4u) : vec4(0));
}

Affine affine_of_word(Affine unit, uint row, uint k, uint in_row, uint valid) {
    Affine a = unit;
    if (AFFINE == VKN_AFFINE_UNIT) return a;
    a.weight = KEPT ? kept_weight[k] : weight_of(row, in_row, valid);
    if (READS_BIAS) a.bias = KEPT ? kept_bias[k] : bias_of(row, in_row, valid);
    return a;
}

// xhat and g of word k. `again`: dz has been written before, and may lie where dy did.
void gradient_of_word(Normalizer n, Affine affine, uint k, uint element, uint valid, bool again) {
    xhat[k] = masked(normalize_with(n, x_load(element, valid)), valid);
    vec4 dz;
    if (DRESIDUAL && again) dz = dresidual_load(element, valid);
    else dz = dz_load(element, valid, xhat[k], affine.weight, affine.bias);
    if (SUMS && (ON_CHIP || again)) {
        sum_dz[k] += dz;
        sum_dzx[k] += dz * xhat[k];
    }
    g[k] = AFFINE == VKN_AFFINE_ELEMENT ? dz * affine.weight : dz;
}

vec4 sums_of_lane(Normalizer n, Affine unit, uint row, uint first, uint count) {
    Sums sums = sums_empty();
    uint words = words_in(push.run);
    Place at = Place(0u, lane_index());
    for (uint block = 0u; block < push.outers * words; block += BLOCK * LANES) {
        vec4 of_g = vec4(0), of_gx = vec4(0);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint valid = valid_at(at, push.outers, count), in_row = at.word * 4u;
            Affine affine = affine_of_word(unit, row, k, in_row, valid);
            gradient_of_word(n, affine, k, first + at.outer * push.outer_stride + in_row, valid, false);
            of_g += g[k];
            of_gx += g[k] * xhat[k];
            place_next(at, words);
        }
        sums_add(sums, of_g, of_gx);
        if (ON_CHIP) break;
    }
    return sums_record(sums);
}

void write_unit(Normalizer n, Affine unit, uint row, vec2 mean_g, uint first, uint count) {
    float factor = AFFINE == VKN_AFFINE_UNIT ? n.rstd * weight_of(row, 0u, 1u).x : n.rstd;
    uint words = words_in(push.run);
    Place at = Place(0u, lane_index());
    for (uint block = 0u; block < push.outers * words; block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint valid = valid_at(at, push.outers, count), in_row = at.word * 4u;
            uint element = first + at.outer * push.outer_stride + in_row;
            place_next(at, words);
            if (!WHOLE && valid == 0u) continue;
            if (!ON_CHIP)
                gradient_of_word(n, affine_of_word(unit, row, k, in_row, valid), k, element, valid, true);
            vec4 dx = factor * ((g[k] - mean_g.x) - xhat[k] * mean_g.y);
            if (RESIDUAL == VKN_ADD_BEFORE) dx += added_load(element, valid);
            dx_store(element, valid, dx);
        }
        if (ON_CHIP) break;
    }
}

// The sums of each element of block `block`, as part `part` of the records.
void store_element_sums(uint part, uint block, uint lane) {
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        uint in_row = word_of(block, k, lane) * 4u, valid = valid_in(word_of(block, k, lane), push.run);
        uint first = push.record_first + part * push.run + in_row;
        for (uint i = 0u; i < valid; ++i) record_at[first + i] = vec4(sum_dz[k][i], sum_dzx[k][i], 0, 0);
    }
}

// The means of g and g * xhat of a row, and the records of its sums.
vec2 means_of_row(Part p, uint r, Normalizer n, Affine affine, uint row, uint lane) {
    bool live = r < p.units;
    uint count = live ? push.run : 0u, first = p.first + r * push.unit_stride;
    vec4 record = team_reduce(sums_of_lane(n, affine, row, first, count), r & 1u);
    if (has(VKN_WRITE_SUMS) && live && lane == 0u) record_at[push.record_first + p.unit + r] = record;
    vec2 mean_g = record.xy / float(push.run * push.outers);
    return CENTERED ? mean_g : vec2(0, mean_g.y);
}

// A row beyond the last one has no elements, and the statistics of the last one.
uint unit_of_row(Part p, uint r) { return p.unit + min(r, max(p.units, 1u) - 1u); }

// dx of ROWS rows that are too wide for registers, and the sums of each element over them: a block of words at a time.
void write_rows(Part p, uint done, vec2 mean_g[ROWS], uint lane) {
    uint row = affine_row(p.unit, 0u);
    for (uint block = 0u; block < words_in(push.run); block += BLOCK * LANES) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            uint in_row = word_of(block, k, lane) * 4u, valid = valid_in(word_of(block, k, lane), push.run);
            kept_weight[k] = weight_of(row, in_row, valid);
            if (READS_BIAS) kept_bias[k] = bias_of(row, in_row, valid);
            sum_dz[k] = sum_dzx[k] = vec4(0);
        }
        for (uint i = 0u; i < ROWS; ++i) {
            Normalizer n = normalizer_of(unit_of_row(p, done + i));
            uint first = p.first + (done + i) * push.unit_stride, count = done + i < p.units ? push.run : 0u;
            [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
                uint in_row = word_of(block, k, lane) * 4u, valid = valid_in(word_of(block, k, lane), count);
                if (!WHOLE && valid == 0u) continue;
                gradient_of_word(n, Affine(kept_weight[k], kept_bias[k]), k, first + in_row, valid, true);
                vec4 dx = n.rstd * ((g[k] - mean_g[i].x) - xhat[k] * mean_g[i].y);
                if (RESIDUAL == VKN_ADD_BEFORE) dx += added_load(first + in_row, valid);
                dx_store(first + in_row, valid, dx);
            }
        }
        if (SUMS && p.live) store_element_sums((p.team * push.unit_step + done) / ROWS, block, lane);
    }
}

void main() {
    Part p = part_of_team();
    uint lane = lane_index();
    if (KEPT) keep_weights(affine_row(p.unit, 0u), lane);
    // WHOLE words are written unseen: a folded grid's workgroups beyond the last one, which are so as a whole, have none.
    uint rows = WHOLE && !p.live ? 0u : push.unit_step;
    for (uint r = 0u; r < rows; r += ROWS) {
        vec2 mean_g[ROWS];
        [[unroll]] for (uint i = 0u; i < ROWS; ++i) {
            uint unit = unit_of_row(p, r + i), row = affine_row(unit, 0u);
            Normalizer n = normalizer_of(unit);
            Affine affine = affine_of_unit(row);
            mean_g[i] = means_of_row(p, r + i, n, affine, row, lane);
            if (ROWS == 1u)
                write_unit(n, affine, row, mean_g[i], p.first + r * push.unit_stride, r < p.units ? push.run : 0u);
        }
        if (ROWS > 1u) write_rows(p, r, mean_g, lane);
    }
    if (SUMS && ON_CHIP && p.live) store_element_sums(p.team, 0u, lane);
}
