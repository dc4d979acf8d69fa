// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// y = the largest element of the window, or a NaN in it; largest = where in the plane it is: the first one of equals.
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(std430, binding = 2) writeonly buffer Largest { uint largest[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_max_pool_push p;
};

// By its bits: a compiler may take it that there are none.
bool is_nan(float value) {
    return (floatBitsToUint(value) & 0x7fffffffu) > 0x7f800000u;
}

// The part of a window that is inside the image.
uint first_inside(uint at, uint axis) { return max(at * p.stride[axis], p.padding[axis]) - p.padding[axis]; }
uint end_inside(uint at, uint axis) {
    return min(at * p.stride[axis] + p.kernel[axis] - p.padding[axis], p.size[axis]);
}

void main() {
    const uint i = element_index(), area = p.out_size[0] * p.out_size[1];
    if (i < p.planes * area) {
        const uint row = i % area / p.out_size[1], column = i % p.out_size[1];
        const uint first_row = first_inside(row, 0), end_row = end_inside(row, 0);
        const uint first_column = first_inside(column, 1), end_column = end_inside(column, 1);
        const uint plane = offset[0] + i / area * p.size[0] * p.size[1];
        uint at = first_row * p.size[1] + first_column;
        float best = x[plane + at];
        for (uint r = first_row; r < end_row; r++) {
            for (uint c = first_column; c < end_column; c++) {
                const uint here = r * p.size[1] + c;
                const float value = x[plane + here];
                const bool better = value > best || is_nan(value);
                best = better ? value : best;
                at = better ? here : at;
            }
        }
        y[offset[1] + i] = best;
        largest[offset[2] + i] = at;
    }
}
