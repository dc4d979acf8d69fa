// SPDX-License-Identifier: MIT
// dx = rstd * (g - sum(g) / n - xhat * sum(g * xhat) / n), g = dy * weight, with sums that are known, columns family.
// Frozen statistics: dx = rstd * g.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "columns.glsl"
#include "statistics.glsl"

TENSOR(readonly, 0, x)
TENSOR(readonly, 1, dy)
TENSOR(writeonly, 2, dx)
FLOATS(readonly, 3, weight)
STATISTICS(4, mean, rstd, low)
layout(std430, set = 0, binding = 7) readonly buffer group_sums { vec2 group_sums_at[]; };
LOAD(0, x)
LOAD(1, dy)
STORE(2, dx)
COLUMN_LOAD(3, weight)

void main() {
    Columns c = columns_of_invocation();
    if (c.valid == 0u) return;
    bool frozen = has(VKN_FROZEN);
    vec4 mean = vec4(0), low = vec4(0), rstd = vec4(0), of_g = vec4(0), of_gxhat = vec4(0);
    for (uint k = 0u; k < c.valid; ++k) {
        uint group = group_of(c, k);
        rstd[k] = rstd_of(group);
        if (frozen) continue;
        mean[k] = mean_of(group);
        low[k] = low_of(group);
        of_g[k] = group_sums_at[group].x * push.scale;
        of_gxhat[k] = group_sums_at[group].y * push.scale;
    }
    vec4 weight = has(VKN_HAS_WEIGHT) ? weight_columns(c.column, c.valid) : vec4(1);
    for (uint k = 0u; k < c.count; ++k) {
        uint element = c.first + k * c.step;
        vec4 g = dy_load(element, c.valid) * weight;
        if (!frozen) {
            vec4 xhat = ((x_load(element, c.valid) - mean) - low) * rstd;
            g = (g - of_g) - xhat * of_gxhat;
        }
        dx_store(element, c.valid, g * rstd);
    }
}
