// SPDX-License-Identifier: MIT
// Forward of statistic groups of one column each in one dispatch: a team has all positions of its columns, and reads them
// again from a cache.
//   mean = sum(x) / n,  var = sum((x - mean)^2) / n,  rstd = 1 / sqrt(var + eps)
//   y = act((x - mean) * rstd * weight + bias + residual)
// and batch norm's running statistics.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "tensor.glsl"
#include "columns.glsl"
#include "moments_columns.glsl"
#include "affine.glsl"
#include "activation.glsl"
#include "statistics.glsl"
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
const bool WITH_RESIDUAL = RESIDUAL == VKN_ADD_AFTER;
#include "map_columns.glsl"

vec4 source_load(Access at) { return RESIDUAL == VKN_ADD_BEFORE ? h_load(at) : x_load(at); }
vec4 normalized_input(Access at, vec4 source, vec4 residual) { return source; }

void normalizer_of_column(Columns c, uint w, uint column) {
    Statistics s = statistics_of(moments_of_team(c, w, column), push.eps);
    normalizers[w].mean[column] = s.mean;
    normalizers[w].low[column] = s.low;
    normalizers[w].rstd[column] = s.rstd;
    bool first = column < words[w].valid && lane_index() == 0u;
    if (has(VKN_WRITE_STATISTICS) && first) statistics_store(words[w].unit + column, s);
    if (has(VKN_UPDATE_RUNNING) && first) update_running(words[w].unit + column, s);
}

void main() {
    Columns c = columns_of_lane();
    take_words(c);
    moments_of_lane(c);
    [[unroll]] for (uint w = 0u; w < WORDS; ++w)
        [[unroll]] for (uint column = 0u; column < 4u; ++column)
            normalizer_of_column(c, w, column);
    map_columns(c);
}
