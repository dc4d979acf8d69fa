// SPDX-License-Identifier: MIT
// Gradient of x of one statistic group in one dispatch: a team has a whole contiguous row. With g = dz * weight:
//   xhat = (x - mean) * rstd
//   dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n) + dh        rms: without sum(g)
// dweight and dbias are made of records of the sums of dz and dz * xhat: of the row, where one weight holds for it, or
// (SUMS) of each element of the rows of a team or a workgroup, or where a row is too wide for registers of ROWS of them.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "sums.glsl"
#include "rows.glsl"
#include "affine_rows.glsl"
#include "affine_kept.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "gradient.glsl"

SOURCE(0, x)
SOURCE(1, dy)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dx, DTYPE, WIDE)
layout(std430, set = 0, binding = 7) writeonly buffer records { vec2 record_at[]; };
layout(std430, set = 0, binding = 7) writeonly buffer record_pairs { vec4 record_pair_at[]; };
TENSOR(, 7, dresidual, DTYPE, WIDE)
SOURCE_LOAD(0, x)
SOURCE_LOAD(1, dy)
LOAD(5, added)
STORE(6, dx)
LOAD(7, dresidual)
STORE(7, dresidual)
GRADIENT

vec4 combine(vec4 mine, vec4 other, bool first) { return mine + other; }

// The words of a row that has been written make room for those of the team's next one, so that loads and stores
// alternate. Not where dz is written: it may lie where dy did, and a row may be loaded twice.
const bool AHEAD = KEPT && AFFINE != VKN_AFFINE_OWN && !DRESIDUAL;
// What a lane holds of a row, its sums, and the sums of each element over the rows.
vec4 dz[BLOCK], xhat[BLOCK], of_g, of_gx, sum_dz[BLOCK], sum_dzx[BLOCK];

// Row r of a team. One beyond the last has no elements, and the statistics of the last.
struct Row {
    uint unit, first, count;
    Normalizer n;
};

Row row_of(Part p, uint r) {
    uint unit = p.unit + min(r, max(p.units, 1u) - 1u);
    return Row(unit, p.first + r * push.unit_stride, r < p.units ? push.run : 0u, normalizer_of(unit));
}

vec4 g_of_word(uint k, Affine affine) { return BY_ELEMENT ? dz[k] * affine.weight : dz[k]; }

// xhat and dz of a word. `again`: dz has been written before, and may lie where dy did.
void hold_word(Normalizer n, Affine affine, Access at, bool again) {
    uint k = at.k;
    bool written = DRESIDUAL && again;
    vec4 x, dy, added;
    if (written) x = x_load(at);
    else load_word(at, x, dy, added);
    xhat[k] = masked(normalize_with(n, x), at.valid);
    dz[k] = written ? dresidual_load(at) : dz_of(at, dy, added, xhat[k], affine.weight, affine.bias);
}

void add_word(uint k, Affine affine) {
    vec4 g = g_of_word(k, affine);
    of_g += g;
    of_gx += g * xhat[k];
}

// Both, of a word whose weights are kept.
void hold_kept_word(Row row, uint block, uint k) {
    hold_word(row.n, kept_affine(k), access_in(row.first, row.count, block, k), false);
    add_word(k, kept_affine(k));
}

vec4 sums_of_lane(Row row, Affine affine) {
    Sums sums = sums_empty();
    uint words = words_in(push.run);
    Place next = place_first(words);
    for (uint block = 0u; block < push.outers * words; block += BLOCK * LANES) {
        of_g = of_gx = vec4(0);
        place_block(next, words);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            Access access = access_at(row.first, push.outers, row.count, k);
            if (KEPT) affine = kept_affine(k);
            else affine_of_word(affine, affine_row(row.unit, 0u), element_of(at[k].word), access.valid);
            hold_word(row.n, affine, access, false);
            add_word(k, affine);
        }
        sums_add(sums, of_g, of_gx);
        if (ON_CHIP) break;
    }
    return sums_of(sums);
}

// The means of g and g * xhat, from a lane's sums of a row; and the record of the row's.
vec2 means_of_row(vec4 record, Row row, uint turn) {
    record = team_reduce(record, turn);
    if (has(VKN_WRITE_SUMS) && row.count > 0u && lane_index() == 0u) record_at[push.record_first + row.unit] = record.xy;
    vec2 mean_g = record.xy / float(push.run * push.outers);
    return CENTERED ? mean_g : vec2(0, mean_g.y);
}

void write_word(Affine affine, float factor, vec2 mean_g, Access at) {
    uint k = at.k;
    if (SUMS != VKN_SUMS_NONE) {
        sum_dz[k] += dz[k];
        sum_dzx[k] += dz[k] * xhat[k];
    }
    vec4 dx = factor * ((g_of_word(k, affine) - mean_g.x) - xhat[k] * mean_g.y);
    if (RESIDUAL == VKN_ADD_BEFORE) dx += added_load(at);
    dx_store(at, dx);
}

void write_row(Row row, Affine affine, vec2 mean_g, Row next_row) {
    float factor = AFFINE == VKN_AFFINE_UNIT ? row.n.rstd * affine.weight.x : row.n.rstd;
    uint words = words_in(push.run);
    Place next = place_first(words);
    of_g = of_gx = vec4(0);
    for (uint block = 0u; block < push.outers * words; block += BLOCK * LANES) {
        place_block(next, words);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            Access access = access_at(row.first, push.outers, row.count, k);
            if (!WHOLE && !AHEAD && access.valid == 0u) continue;
            if (KEPT) affine = kept_affine(k);
            else affine_of_word(affine, affine_row(row.unit, 0u), element_of(at[k].word), access.valid);
            if (!ON_CHIP) hold_word(row.n, affine, access, true);
            write_word(affine, factor, mean_g, access);
            if (AHEAD) hold_kept_word(next_row, 0u, k);
        }
        if (ON_CHIP) break;
    }
}

// The sums of each element of block `block`, as part `part` of the records. No index is variable: that would make some
// drivers keep the sums in memory, and write each lane's on its own.
void store_element_sums(uint part, uint block) {
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        uint word = word_of(block, k, lane_index()), valid = valid_in(word, push.run);
        uint first = push.record_first + part * push.run + element_of(word);
        if (VECTOR) {
            if (!WHOLE && valid == 0u) continue;
            record_pair_at[first / 2u] = vec4(sum_dz[k].x, sum_dzx[k].x, sum_dz[k].y, sum_dzx[k].y);
            record_pair_at[first / 2u + 1u] = vec4(sum_dz[k].z, sum_dzx[k].z, sum_dz[k].w, sum_dzx[k].w);
            continue;
        }
        [[unroll]] for (uint i = 0u; i < 4u; ++i)
            if (i < valid) record_at[first + i * apart] = vec2(sum_dz[k][i], sum_dzx[k][i]);
    }
}

// The workgroup's first team gets the sums of all of them.
const bool ADDED = SUMS == VKN_SUMS_WORKGROUP;
shared vec4 added_dz[ADDED ? WORKGROUP : 1u], added_dzx[ADDED ? WORKGROUP : 1u];

void add_teams() {
    uint me = gl_LocalInvocationIndex;
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        added_dz[me] = sum_dz[k];
        added_dzx[me] = sum_dzx[k];
        barrier();
        for (uint reach = WORKGROUP / 2u; reach >= LANES; reach /= 2u) {
            if (me < reach) {
                added_dz[me] += added_dz[me + reach];
                added_dzx[me] += added_dzx[me + reach];
            }
            barrier();
        }
        sum_dz[k] = added_dz[me];
        sum_dzx[k] = added_dzx[me];
        barrier();
    }
}

void clear_element_sums() {
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) sum_dz[k] = sum_dzx[k] = vec4(0);
}

// ROWS rows that are too wide for registers: their weights, and the sums of each element over them, are those of a block
// of words at a time. Unrolled, the loops over rows would take drivers tens of seconds to build.
Normalizer row_normalizer[ROWS];
vec2 row_sum[ROWS], row_carry[ROWS], row_mean_g[ROWS];

Row row_in_set(Part p, uint done, uint i) {
    Row row = row_of(p, done + i);
    row.n = row_normalizer[i];
    return row;
}

void means_of_rows(Part p, uint done, uint rows) {
    [[dont_unroll]] for (uint i = 0u; i < rows; ++i) {
        row_normalizer[i] = row_of(p, done + i).n;
        row_sum[i] = row_carry[i] = vec2(0);
    }
    for (uint block = 0u; block < words_in(push.run); block += BLOCK * LANES) {
        keep_affine(p.unit, block, lane_index());
        [[dont_unroll]] for (uint i = 0u; i < rows; ++i) {
            Row row = row_in_set(p, done, i);
            vec2 sum = row_sum[i], carry = row_carry[i];
            of_g = of_gx = vec4(0);
            [[unroll]] for (uint k = 0u; k < BLOCK; ++k) hold_kept_word(row, block, k);
            kahan_add(sum, carry, vec2(sum_of(of_g), sum_of(of_gx)));
            row_sum[i] = sum;
            row_carry[i] = carry;
        }
    }
    [[dont_unroll]] for (uint i = 0u; i < rows; ++i) {
        vec2 sums = row_sum[i] - row_carry[i];
        row_mean_g[i] = means_of_row(vec4(sums, 0, 0), row_of(p, done + i), i & 1u);
    }
}

void write_rows(Part p, uint done, uint rows) {
    for (uint block = 0u; block < words_in(push.run); block += BLOCK * LANES) {
        keep_affine(p.unit, block, lane_index());
        clear_element_sums();
        [[dont_unroll]] for (uint i = 0u; i < rows; ++i) {
            Row row = row_in_set(p, done, i);
            vec2 mean_g = row_mean_g[i];
            [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
                Access access = access_in(row.first, row.count, block, k);
                hold_word(row.n, kept_affine(k), access, true);
                write_word(kept_affine(k), row.n.rstd, mean_g, access);
            }
        }
        if (SUMS != VKN_SUMS_NONE && p.live) store_element_sums((p.team * push.unit_step + done) / ROWS, block);
    }
}

void main() {
    Part p = rows_of_team();
    if (KEPT) keep_affine(p.unit, 0u, lane_index());
    if (SUMS != VKN_SUMS_NONE && ON_CHIP) clear_element_sums();
    uint rows = row_count(p);
    if (AHEAD && rows > 0u) {
        Row row = row_of(p, 0u);
        of_g = of_gx = vec4(0);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) hold_kept_word(row, 0u, k);
    }
    for (uint r = 0u; ROWS == 1u && r < rows; ++r) {
        Row row = row_of(p, r);
        Affine affine = affine_of_unit(row.unit);
        vec4 sums = AHEAD ? vec4(sum_of(of_g), sum_of(of_gx), 0, 0) : sums_of_lane(row, affine);
        write_row(row, affine, means_of_row(sums, row, r & 1u), row_of(p, min(r + 1u, rows - 1u)));
    }
    // A set that its team has no rows for has a record, too.
    uint sets_end = ALONE && p.live ? push.unit_step : rows;
    for (uint r = 0u; ROWS > 1u && r < sets_end; r += ROWS) {
        means_of_rows(p, r, rows_in_set(rows, r));
        write_rows(p, r, rows_in_set(rows, r));
    }
    if (ADDED) add_teams();
    if (SUMS == VKN_SUMS_NONE || !ON_CHIP || !p.live) return;
    if (!ADDED) store_element_sums(p.team, 0u);
    else if (team_in_workgroup() == 0u) store_element_sums(workgroup_index(), 0u);
}
