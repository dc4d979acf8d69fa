// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "attention_row.glsl"

// In place, with m the largest of the row's scores s[j], j <= i:
//   p[j] = exp(scale * (s[j] - m)) / sum over j <= i of exp(scale * (s[j] - m)) for j <= i, else 0
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) buffer S { float s[]; };
layout(push_constant) uniform Push {
    uint offset[1];
    nn_attention_push p;
};

void main() {
    const uint lane = gl_LocalInvocationIndex % ROW_LANES;
    const uint row = gl_WorkGroupID.x * NN_ATTENTION_ROWS + gl_LocalInvocationIndex / ROW_LANES;
    const uint base = offset[0] + (gl_WorkGroupID.y * p.positions + row) * p.positions;
    const uint all = row < p.positions ? p.positions : 0, seen = row < p.positions ? row + 1 : 0;

    float largest = uintBitsToFloat(0xff800000); // -infinity
    for (uint j = lane; j < seen; j += ROW_LANES) largest = max(largest, s[base + j]);
    largest = row_max(largest);
    float part = 0.0;
    for (uint j = lane; j < seen; j += ROW_LANES) {
        const float e = exp(p.scale * (s[base + j] - largest));
        s[base + j] = e;
        part += e;
    }
    const float sum = row_sum(part);
    for (uint j = lane; j < all; j += ROW_LANES) s[base + j] = j < seen ? s[base + j] / sum : 0.0;
}
