// SPDX-License-Identifier: MIT
// Forward of one statistic group in one dispatch: a team has a whole contiguous row.
//   mean = sum(x) / n,  var = sum((x - mean)^2) / n,  rstd = 1 / sqrt(var + eps)
//   y = act((x - mean) * rstd * weight + bias + residual)
// and batch norm's running statistics.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "moments_rows.glsl"
#include "affine_rows.glsl"
#include "affine_kept.glsl"
#include "activation.glsl"
#include "residual.glsl"

SOURCE(0, x)
TENSOR(, 1, y, DTYPE, WIDE)
FLOATS(writeonly, 4, statistics)
TENSOR(, 6, h, DTYPE, WIDE)
TENSOR(readonly, 7, residual, DTYPE, WIDE)
SOURCE_LOAD(0, x)
STORE(1, y)
STATISTICS_STORE(4, statistics)
LOAD(6, h)
STORE(6, h)
LOAD(7, residual)
INPUT
#include "running_update.glsl"

// The same, once it has been loaded.
vec4 input_again(Access at) { return RESIDUAL == VKN_ADD_BEFORE ? h_load(at) : x_load(at); }

// The words of a row that has been written make room for those of the team's next one, so that loads and stores
// alternate. Not where h is written: it may lie where x did, and a row may be loaded twice.
const bool AHEAD = KEPT && AFFINE != VKN_AFFINE_OWN && RESIDUAL != VKN_ADD_BEFORE;

// Row r of a team: where it begins, and how many elements it has.
struct Row {
    uint unit, first, count;
};

Row row_of(Part p, uint r) { return Row(p.unit + r, p.first + r * push.unit_stride, r < p.units ? push.run : 0u); }

void write_word(Statistics s, Affine affine, Access at, vec4 x) {
    vec4 z = affine_map(((x - s.mean) - s.low) * s.rstd, affine.weight, affine.bias);
    if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(at);
    y_store(at, activate(z));
}

void write_row(Statistics s, Row row, Row next_row) {
    Affine affine = affine_of_unit(row.unit);
    uint affine_from = affine_row(row.unit, 0u), words = words_in(push.run);
    Place next = place_first(words);
    for (uint block = 0u; block < push.outers * words; block += BLOCK * LANES) {
        affine_of_block(affine, affine_from, block * 4u);
        place_block(next, words);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
            Access access = access_at(row.first, push.outers, row.count, k);
            if (!WHOLE && !AHEAD && access.valid == 0u) continue;
            if (!KEPT) affine_of_word(affine, affine_from, element_of(at[k].word), access.valid);
            write_word(s, KEPT ? kept_affine(k) : affine, access, ON_CHIP ? held[k] : input_again(access));
            if (AHEAD) hold(access_in(next_row.first, next_row.count, 0u, k));
        }
        if (ON_CHIP) break;
    }
}

Statistics statistics_of_row(Row row, uint turn) {
    vec4 record = AHEAD ? moments_of_held() : moments_of_lane(row.first, push.outers, row.count);
    return statistics_of(team_reduce(record, turn), push.eps);
}

void keep_statistics(Row row, Statistics s) {
    if (row.count == 0u || lane_index() > 0u) return;
    if (has(VKN_WRITE_STATISTICS)) statistics_store(row.unit, s);
    if (has(VKN_UPDATE_RUNNING)) update_running(row.unit, s);
}

// ROWS rows that are too wide for registers: their weights are those of a block of words at a time. Unrolled, the loops
// over rows would take drivers long to build.
Statistics row_statistics[ROWS];

void statistics_of_rows(Part p, uint done, uint rows) {
    [[dont_unroll]] for (uint i = 0u; i < rows; ++i) {
        Row row = row_of(p, done + i);
        row_statistics[i] = statistics_of_row(row, i & 1u);
        keep_statistics(row, row_statistics[i]);
    }
}

void write_rows(Part p, uint done, uint rows) {
    for (uint block = 0u; block < words_in(push.run); block += BLOCK * LANES) {
        keep_affine(p.unit, block, lane_index());
        [[dont_unroll]] for (uint i = 0u; i < rows; ++i) {
            Row row = row_of(p, done + i);
            Statistics s = row_statistics[i];
            [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
                Access access = access_in(row.first, row.count, block, k);
                write_word(s, kept_affine(k), access, input_again(access));
            }
        }
    }
}

void main() {
    Part p = rows_of_team();
    if (KEPT) keep_affine(p.unit, 0u, lane_index());
    uint rows = row_count(p);
    if (AHEAD && rows > 0u) {
        Row row = row_of(p, 0u);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) hold(access_in(row.first, row.count, 0u, k));
    }
    for (uint r = 0u; ROWS == 1u && r < rows; ++r) {
        Row row = row_of(p, r);
        Statistics s = statistics_of_row(row, r & 1u);
        write_row(s, row, row_of(p, min(r + 1u, rows - 1u)));
        keep_statistics(row, s);
    }
    for (uint r = 0u; ROWS > 1u && r < rows; r += ROWS) {
        statistics_of_rows(p, r, rows_in_set(rows, r));
        write_rows(p, r, rows_in_set(rows, r));
    }
}
