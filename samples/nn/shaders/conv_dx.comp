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
// of the stride; a quotient wraps below zero.
bool column_inside;
uint image;
uvec2 first_quotient, first_rest;
uvec2 quotient, rest; // of the next row of b, with its ky and kx subtracted
uint ky, kx, plane;

void load_a(uint e, uint first_m, uint first_k) {
    const uint k = first_k + e % DEPTH, m = first_m + e / DEPTH, o = k / kernel_area, place = k % kernel_area;
    const uint at = offset[1] + (o * p.in_channels + m) * kernel_area + place;
    put_a(e / DEPTH, e % DEPTH, m < p.in_channels && k < depth ? weight[at] : 0.0);
}

uint step_quotient(uint q, uint r) { return r == 0 ? q - 1 : q; }
uint step_rest(uint r, uint stride) { return r == 0 ? stride - 1 : r - 1; }

// The rows of b come one after another.
void load_b(uint e, uint first_n, uint first_k) {
    const uint k = e / NN_TILE_COLUMNS;
    const bool inside = column_inside && first_k + k < depth && (rest.x | rest.y) == 0 &&
                        quotient.x < p.out_size[0] && quotient.y < p.out_size[1];
    put_b(e % NN_TILE_COLUMNS, k, inside ? dy[image + plane + quotient.x * p.out_size[1] + quotient.y] : 0.0);
    const bool row_ends = kx + 1 == p.kernel[1];
    kx = row_ends ? 0 : kx + 1;
    ky = row_ends ? ky + 1 : ky;
    const uvec2 across = uvec2(step_quotient(quotient.y, rest.y), step_rest(rest.y, p.stride[1]));
    const uvec2 down = uvec2(step_quotient(quotient.x, rest.x), step_rest(rest.x, p.stride[0]));
    quotient.y = row_ends ? first_quotient.y : across.x;
    rest.y = row_ends ? first_rest.y : across.y;
    quotient.x = row_ends ? down.x : quotient.x;
    rest.x = row_ends ? down.y : rest.x;
    const bool channel_ends = ky == p.kernel[0];
    ky = channel_ends ? 0 : ky;
    quotient.x = channel_ends ? first_quotient.x : quotient.x;
    rest.x = channel_ends ? first_rest.x : rest.x;
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
    quotient = first_quotient = padded / stride;
    rest = first_rest = padded % stride;
    ky = kx = plane = 0;
    tile_product(tile, 0, depth);
}
