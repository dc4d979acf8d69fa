// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "tile.glsl"

// dx[image][m][iy][ix] = sum over channels o and places (ky, kx) of the kernel of
//                        weight[o][m][ky][kx] * dy[image][o][(iy + padding - ky) / stride][(ix + padding - kx) / stride]
// where both divisions leave no rest; as a product: n counts the positions (image, iy, ix), k the (o, ky, kx).
layout(std430, binding = 0) readonly buffer Dy { float dy[]; };
layout(std430, binding = 1) readonly buffer Weight { float weight[]; };
layout(std430, binding = 2) writeonly buffer Dx { float dx[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_conv_push p;
};

uint depth, positions, area, kernel_area; // area: positions of an image
// Of this invocation's column of b: where its image begins in dy, and (iy + padding, ix + padding) as quotient and rest
// of the stride.
bool column_inside;
uint image;
uvec2 quotient, rest;
// Of the next row of b, the same for all: (ky, kx), and those as quotient and rest of the stride. So the difference of
// both is a multiple of the stride where the rests are equal.
uvec2 place, place_quotient, place_rest;
uint plane;

void load_a(uint e, uint first_m, uint first_k) {
    const uint k = first_k + e % DEPTH, m = first_m + e / DEPTH, o = k / kernel_area;
    const uint at = offset[1] + (o * p.in_channels + m) * kernel_area + k % kernel_area;
    put_a(e / DEPTH, e % DEPTH, m < p.in_channels && k < depth ? weight[at] : 0.0);
}

// The rows of b come one after another.
void load_b(uint e, uint first_n, uint first_k) {
    const uint k = e / NN_TILE_COLUMNS, row = quotient.x - place_quotient.x, column = quotient.y - place_quotient.y;
    const bool inside = column_inside && first_k + k < depth && rest == place_rest && row < p.out_size[0] &&
                        column < p.out_size[1]; // both wrap below zero
    put_b(e % NN_TILE_COLUMNS, k, inside ? dy[image + plane + row * p.out_size[1] + column] : 0.0);

    const bool row_ends = place.y + 1 == p.kernel[1], channel_ends = row_ends && place.x + 1 == p.kernel[0];
    const bool x_wraps = place_rest.y + 1 == p.stride[1], y_wraps = place_rest.x + 1 == p.stride[0];
    const uvec2 across = x_wraps ? uvec2(place_quotient.y + 1, 0) : uvec2(place_quotient.y, place_rest.y + 1);
    const uvec2 down = y_wraps ? uvec2(place_quotient.x + 1, 0) : uvec2(place_quotient.x, place_rest.x + 1);
    const uvec3 next_row = channel_ends ? uvec3(0) : uvec3(place.x + 1, down);
    const uvec3 x = row_ends ? uvec3(0) : uvec3(place.y + 1, across);
    const uvec3 y = row_ends ? next_row : uvec3(place.x, place_quotient.x, place_rest.x);
    place = uvec2(y.x, x.x);
    place_quotient = uvec2(y.y, x.y);
    place_rest = uvec2(y.z, x.z);
    plane = channel_ends ? plane + p.out_size[0] * p.out_size[1] : plane;
}

void store(uint m, uint n, float sum) {
    const uint at_image = n / area;
    if (m < p.in_channels && n < positions) dx[offset[2] + (at_image * p.in_channels + m) * area + n % area] = sum;
}

void main() {
    kernel_area = p.kernel[0] * p.kernel[1];
    depth = p.out_channels * kernel_area;
    area = p.size[0] * p.size[1];
    positions = p.images * area;
    const nn_tile tile = tile_of_workgroup(p.in_channels, positions);
    const uint n = tile.first_n + gl_LocalInvocationIndex % NN_TILE_COLUMNS;
    const uvec2 stride = uvec2(p.stride[0], p.stride[1]);
    const uvec2 padded = uvec2(n % area / p.size[1] + p.padding[0], n % p.size[1] + p.padding[1]);
    column_inside = n < positions;
    image = offset[0] + n / area * p.out_channels * p.out_size[0] * p.out_size[1];
    quotient = padded / stride;
    rest = padded % stride;
    place = place_quotient = place_rest = uvec2(0);
    plane = 0;
    tile_product(tile, 0, depth);
}
