// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "tile.glsl"

// y[image][m][oy][ox] = bias[m] + sum over channels c and places (ky, kx) of the kernel of
//                       weight[m][c][ky][kx] * x[image][c][oy * stride - padding + ky][ox * stride - padding + kx]
// as a product: n counts the positions (image, oy, ox), k the (c, ky, kx).
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer Weight { float weight[]; };
layout(std430, binding = 2) readonly buffer Bias { float bias[]; };
layout(std430, binding = 3) writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push {
    uint offset[4];
    nn_conv_push p;
};

uint depth, positions, area; // area: positions of an image
// Of this invocation's column of b: where its image begins, and its window; wraps where that is outside.
bool column_inside;
uint image, top, left;
uint ky, kx, plane; // of the next row of b

void load_a(uint e, uint first_m, uint first_k) {
    const uint k = first_k + e % DEPTH, m = first_m + e / DEPTH;
    put_a(e / DEPTH, e % DEPTH, m < p.out_channels && k < depth ? weight[offset[1] + m * depth + k] : 0.0);
}

// The rows of b come one after another.
void load_b(uint e, uint first_n, uint first_k) {
    const uint k = e / NN_TILE_COLUMNS, row = top + ky, column = left + kx;
    const bool inside = column_inside && first_k + k < depth && row < p.size[0] && column < p.size[1];
    put_b(e % NN_TILE_COLUMNS, k, inside ? x[image + plane + row * p.size[1] + column] : 0.0);
    const bool row_ends = kx + 1 == p.kernel[1];
    kx = row_ends ? 0 : kx + 1;
    ky = row_ends ? ky + 1 : ky;
    const bool channel_ends = ky == p.kernel[0];
    ky = channel_ends ? 0 : ky;
    plane = channel_ends ? plane + p.size[0] * p.size[1] : plane;
}

void store(uint m, uint n, float sum) {
    const uint at_image = n / area;
    if (m < p.out_channels && n < positions) {
        y[offset[3] + (at_image * p.out_channels + m) * area + n % area] =
            p.has_bias != 0 ? bias[offset[2] + m] + sum : sum;
    }
}

void main() {
    depth = p.in_channels * p.kernel[0] * p.kernel[1];
    area = p.out_size[0] * p.out_size[1];
    positions = p.images * area;
    const nn_tile tile = tile_of_workgroup(p.out_channels, positions);
    const uint n = tile.first_n + gl_LocalInvocationIndex % NN_TILE_COLUMNS;
    column_inside = n < positions;
    image = offset[0] + n / area * p.in_channels * p.size[0] * p.size[1];
    top = n % area / p.out_size[1] * p.stride[0] - p.padding[0];
    left = n % p.out_size[1] * p.stride[1] - p.padding[1];
    ky = kx = plane = 0;
    tile_product(tile, 0, depth);
}
