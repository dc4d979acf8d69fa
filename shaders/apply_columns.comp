// SPDX-License-Identifier: MIT
// y = act((x - mean) * rstd * weight + bias + residual) with statistics that are known, columns family.
#version 450
#define PUSH vkn_columns_push
#define RUNNING
#include "common.glsl"
#include "tensor.glsl"
#include "columns.glsl"
#include "affine.glsl"
#include "activation.glsl"
#include "statistics.glsl"
#include "residual.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(, 1, y, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 6, residual, DTYPE, WIDE)
TENSOR(, 7, h, DTYPE, WIDE)
LOAD(0, x)
STORE(1, y)
LOAD(2, weight)
LOAD(3, bias)
LOAD(6, residual)
STORE(7, h)
COLUMN_AFFINE(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
COLUMN_AFFINE(bias, VKN_HAS_BIAS, 0, 0)
COLUMN_STATISTICS
INPUT

void main() {
    Columns c = columns_of_invocation();
    if (c.valid == 0u) return;
    ColumnNormalizers n = column_normalizers(c);
    vec4 weight = weight_columns(c), bias = bias_columns(c);
    for (uint k = 0u; k < c.count; ++k) {
        uint element = c.first + k * c.step;
        vec4 z = affine_map(normalize_columns(n, input_load(element, c.valid)), weight, bias);
        if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(element, c.valid);
        y_store(element, c.valid, activate(z));
    }
}
