// SPDX-License-Identifier: MIT
// Sums of dy and dy * xhat over one part of four columns: four records an invocation. Statistics belong to the column's
// group, or (VKN_STAT_POSITION: layer and rms, whose weights are columns of [rows][normalized size]) to the position.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "sums.glsl"
#include "columns.glsl"
#include "records.glsl"
#include "statistics.glsl"

TENSOR(readonly, 0, x)
TENSOR(readonly, 1, dy)
STATISTICS(2, mean, rstd, low)
RECORDS(5)
LOAD(0, x)
LOAD(1, dy)

void main() {
    Columns c = columns_of_invocation();
    bool by_position = has(VKN_STAT_POSITION);
    vec4 mean = vec4(0), low = vec4(0), rstd = vec4(0);
    for (uint k = 0u; k < c.valid && !by_position; ++k) {
        uint group = group_of(c, k);
        mean[k] = mean_of(group);
        low[k] = low_of(group);
        rstd[k] = rstd_of(group);
    }
    Sums sums = sums_empty();
    for (uint block = 0u; block < c.count; block += BLOCK) {
        vec4 first = vec4(0), second = vec4(0);
        for (uint k = block; k < min(block + BLOCK, c.count); ++k) {
            if (by_position) {
                uint position = c.part + k * push.parts;
                mean = vec4(mean_of(position));
                low = vec4(low_of(position));
                rstd = vec4(rstd_of(position));
            }
            vec4 dy = dy_load(c.first + k * c.step, c.valid);
            vec4 x = x_load(c.first + k * c.step, c.valid);
            first += dy;
            second += dy * (((x - mean) - low) * rstd);
        }
        sums_add(sums, first, second);
    }
    records_store(c, sums.first - sums.first_carry, sums.second - sums.second_carry, vec4(0), vec4(0));
}
