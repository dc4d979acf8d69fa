// SPDX-License-Identifier: MIT
// Sums of dz and dz * xhat over one part of four columns: four records an invocation. Statistics belong to the column's
// group, or (layer and rms, whose weights are columns of [rows][normalized size]) to the position.
// Frozen statistics (DX): dx = dz * weight * rstd beside them.
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

TENSOR(readonly, 0, x, DTYPE, WIDE)
TENSOR(readonly, 1, dy, DTYPE, WIDE)
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
STATISTICS(4)
TENSOR(readonly, 5, added, DTYPE, WIDE)
TENSOR(, 6, dresidual, DTYPE, WIDE) // DX: dx
RECORDS(7)
LOAD(0, x)
LOAD(1, dy)
LOAD(2, weight)
LOAD(3, bias)
LOAD(5, added)
STORE(6, dresidual)
COLUMN_AFFINE(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
COLUMN_AFFINE(bias, VKN_HAS_BIAS, 0, 0)
COLUMN_STATISTICS
GRADIENT

const bool BY_POSITION = AFFINE == VKN_AFFINE_ELEMENT;

void main() {
    Columns c = columns_of_invocation();
    ColumnNormalizers n = ColumnNormalizers(vec4(0), vec4(0), vec4(0));
    if (!BY_POSITION) n = column_normalizers(c);
    vec4 weight = vec4(1), bias = vec4(0);
    if (DX || ACTIVATION != VKN_ACT_NONE) {
        weight = weight_columns(c);
        bias = bias_columns(c);
    }
    Sums sums = sums_empty();
    for (uint block = 0u; block < c.count; block += BLOCK) {
        vec4 first = vec4(0), second = vec4(0);
        for (uint k = block; k < min(block + BLOCK, c.count); ++k) {
            uint element = c.first + k * c.step;
            vec4 xhat = x_load(element, c.valid);
            if (BY_POSITION) xhat = normalize_with(normalizer_of(c.plane * push.stat_plane + c.part + k * push.parts), xhat);
            else xhat = normalize_columns(n, xhat);
            vec4 dz = dz_load(element, c.valid, xhat, weight, bias);
            if (DX) dresidual_store(element, c.valid, dz * weight * n.rstd);
            first += dz;
            second += dz * xhat;
        }
        sums_add(sums, first, second);
    }
    records_store(c, sums.first - sums.first_carry, sums.second - sums.second_carry, vec4(0), vec4(0));
}
