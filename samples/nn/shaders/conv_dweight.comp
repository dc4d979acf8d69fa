// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "tile.glsl"

// dweight[m][c][ky][kx] = sum over positions (image, oy, ox) of
//                         dy[image][m][oy][ox] * x[image][c][oy * stride - padding + ky][ox * stride - padding + kx]
// dbias[m]              = sum over positions of dy[image][m][oy][ox]
// as a product: n counts the (c, ky, kx), and behind them there is a column of ones for dbias; k counts the positions.
// A workgroup adds up one part of them, and writes the row of that part.
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer Dy { float dy[]; };
layout(std430, binding = 2) writeonly buffer Dweight { float dweight[]; };
layout(std430, binding = 3) writeonly buffer Dbias { float dbias[]; };
layout(push_constant) uniform Push {
    uint offset[4];
    nn_conv_push p;
};

uint depth, area, last, part; // depth: columns of weights; area: positions of an image
// Of this invocation's column of b: its place in the image, when the window is that of the first position.
bool column_inside, ones;
uint first_row, first_column;
uint oy, ox, row, column, plane; // of the next row of b; row and column wrap where they are outside

void load_a(uint e, uint first_m, uint first_k) {
    const uint k = first_k + e % DEPTH, m = first_m + e / DEPTH, image = k / area, at = k % area;
    const bool inside = m < p.out_channels && k < last;
    put_a(e / DEPTH, e % DEPTH, inside ? dy[offset[1] + (image * p.out_channels + m) * area + at] : 0.0);
}

// The rows of b come one after another.
void load_b(uint e, uint first_n, uint first_k) {
    const uint k = e / NN_TILE_COLUMNS;
    const bool inside = column_inside && first_k + k < last && row < p.size[0] && column < p.size[1];
    const float none = ones ? 1.0 : 0.0;
    put_b(e % NN_TILE_COLUMNS, k, inside ? x[plane + row * p.size[1] + column] : none);
    const bool row_ends = ox + 1 == p.out_size[1];
    ox = row_ends ? 0 : ox + 1;
    oy = row_ends ? oy + 1 : oy;
    const bool image_ends = oy == p.out_size[0];
    oy = image_ends ? 0 : oy;
    column = row_ends ? first_column : column + p.stride[1];
    row = image_ends ? first_row : row_ends ? row + p.stride[0] : row;
    plane = image_ends ? plane + p.in_channels * p.size[0] * p.size[1] : plane;
}

void store(uint m, uint n, float sum) {
    if (m < p.out_channels && n < depth) dweight[offset[2] + (part * p.out_channels + m) * depth + n] = sum;
    if (m < p.out_channels && n == depth && p.has_bias != 0) dbias[offset[3] + part * p.out_channels + m] = sum;
}

void main() {
    const uint kernel_area = p.kernel[0] * p.kernel[1];
    depth = p.in_channels * kernel_area;
    area = p.out_size[0] * p.out_size[1];
    const nn_tile tile = tile_of_workgroup(p.out_channels, depth + p.has_bias);
    part = tile.layer;
    const uint first = part * p.part;
    last = min(first + p.part, p.images * area);

    const uint n = tile.first_n + gl_LocalInvocationIndex % NN_TILE_COLUMNS, place = n % kernel_area;
    column_inside = n < depth;
    ones = n == depth; // what a's columns behind the last one have is zero
    first_row = place / p.kernel[1] - p.padding[0];
    first_column = place % p.kernel[1] - p.padding[1];
    oy = first % area / p.out_size[1];
    ox = first % p.out_size[1];
    row = first_row + oy * p.stride[0];
    column = first_column + ox * p.stride[1];
    plane = offset[0] + (first / area * p.in_channels + n / kernel_area) * p.size[0] * p.size[1];
    tile_product(tile, first, last);
}
