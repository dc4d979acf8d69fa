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

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(readonly, 1, dy, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dx, DTYPE, WIDE)
FLOATS(readonly, 7, sums)
TENSOR(, 7, dresidual, DTYPE, WIDE)
LOAD(0, x)
LOAD(1, dy)
LOAD(2, weight)
LOAD(3, bias)
LOAD(5, added)
STORE(6, dx)
STORE(7, dresidual)
COLUMN_AFFINE(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
COLUMN_AFFINE(bias, VKN_HAS_BIAS, 0, 0)
COLUMN_STATISTICS
GRADIENT

void main() {
    Columns c = columns_of_invocation();
    if (c.valid == 0u) return;
    bool frozen = has(VKN_FROZEN);
    ColumnNormalizers n = column_normalizers(c);
    vec4 mean_g = vec4(0), mean_gxhat = vec4(0);
    for (uint k = 0u; k < c.valid && !frozen; ++k) {
        uint first = group_of(c, k) * 4u;
        mean_g[k] = AT(7, sums, first) / AT(7, sums, first + 2u);
        mean_gxhat[k] = AT(7, sums, first + 1u) / AT(7, sums, first + 2u);
    }
    vec4 weight = weight_columns(c), bias = bias_columns(c);
    for (uint k = 0u; k < c.count; ++k) {
        uint element = c.first + k * c.step;
        vec4 xhat = vec4(0);
        if (!frozen || ACTIVATION != VKN_ACT_NONE) xhat = normalize_columns(n, x_load(element, c.valid));
        vec4 g = dz_load(element, c.valid, xhat, weight, bias) * weight;
        if (!frozen) g = (g - mean_g) - xhat * mean_gxhat;
        vec4 dx = g * n.rstd;
        if (RESIDUAL == VKN_ADD_BEFORE) dx += added_load(element, c.valid);
        dx_store(element, c.valid, dx);
    }
}
