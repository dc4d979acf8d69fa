// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// dx = the sum of dy over the windows whose largest element this is
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Dy { float dy[]; };
layout(std430, binding = 1) readonly buffer Largest { uint largest[]; };
layout(std430, binding = 2) writeonly buffer Dx { float dx[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_max_pool_push p;
};

// The windows that reach a place.
uint first_window(uint at, uint axis) {
    const uint padded = at + p.padding[axis];
    return padded < p.kernel[axis] ? 0 : (padded - p.kernel[axis]) / p.stride[axis] + 1;
}
uint end_window(uint at, uint axis) {
    return min((at + p.padding[axis]) / p.stride[axis] + 1, p.out_size[axis]);
}

void main() {
    const uint i = element_index(), area = p.size[0] * p.size[1];
    if (i < p.planes * area) {
        const uint here = i % area, row = here / p.size[1], column = here % p.size[1];
        const uint end_row = end_window(row, 0), first_column = first_window(column, 1);
        const uint end_column = end_window(column, 1), plane = i / area * p.out_size[0] * p.out_size[1];
        float sum = 0.0;
        for (uint r = first_window(row, 0); r < end_row; r++) {
            for (uint c = first_column; c < end_column; c++) {
                const uint window = plane + r * p.out_size[1] + c;
                if (largest[offset[1] + window] == here) sum += dy[offset[0] + window];
            }
        }
        dx[offset[2] + i] = sum;
    }
}
