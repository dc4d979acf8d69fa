// SPDX-License-Identifier: MIT
// y = (x - mean) * rstd * weight + bias with statistics that are known, columns family.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "columns.glsl"
#include "statistics.glsl"

TENSOR(readonly, 0, x)
TENSOR(writeonly, 1, y)
FLOATS(readonly, 2, weight)
FLOATS(readonly, 3, bias)
STATISTICS(4, mean, rstd, low)
LOAD(0, x)
STORE(1, y)
COLUMN_LOAD(2, weight)
COLUMN_LOAD(3, bias)

void main() {
    Columns c = columns_of_invocation();
    if (c.valid == 0u) return;
    vec4 mean = vec4(0), low = vec4(0), rstd = vec4(0);
    for (uint k = 0u; k < c.valid; ++k) {
        uint group = group_of(c, k);
        mean[k] = mean_of(group);
        low[k] = low_of(group);
        rstd[k] = rstd_of(group);
    }
    vec4 weight = has(VKN_HAS_WEIGHT) ? weight_columns(c.column, c.valid) : vec4(1);
    vec4 bias = has(VKN_HAS_BIAS) ? bias_columns(c.column, c.valid) : vec4(0);
    for (uint k = 0u; k < c.count; ++k) {
        uint element = c.first + k * c.step;
        y_store(element, c.valid, (((x_load(element, c.valid) - mean) - low) * rstd) * weight + bias);
    }
}
