// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// y[r][c] = table[stride * index[r] + c], NaN where there is no such row: words, so that all bits of any dtype come
// through. Indices are 64-bit, low word first.
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Table { uint table[]; };
layout(std430, binding = 1) readonly buffer Index { uint index_words[]; };
layout(std430, binding = 2) writeonly buffer Y { uint y[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_gather_push p;
};

void main() {
    const uint i = element_index();
    if (i < p.rows * p.columns) {
        const uint at = offset[1] + 2 * (i / p.columns);
        const uint row = index_words[at];
        const bool inside = row < p.table_rows && index_words[at + 1] == 0;
        y[offset[2] + i] = inside ? table[offset[0] + row * p.stride + i % p.columns] : 0x7fc00000;
    }
}
