// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "attention_row.glsl"

// From dp to ds, in place:   ds[j] = scale * w[j] (dp[j] - sum over k <= i of w[k] dp[k]) for j <= i, else 0
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer W { float w[]; };
layout(std430, binding = 1) buffer D { float d[]; };
layout(push_constant) uniform Push {
    uint offset[2];
    nn_attention_push p;
};

void main() {
    const uint lane = gl_LocalInvocationIndex % ROW_LANES;
    const uint row = gl_WorkGroupID.x * NN_ATTENTION_ROWS + gl_LocalInvocationIndex / ROW_LANES;
    const uint base = (gl_WorkGroupID.y * p.positions + row) * p.positions;
    const uint all = row < p.positions ? p.positions : 0, seen = row < p.positions ? row + 1 : 0;

    float part = 0.0;
    for (uint j = lane; j < seen; j += ROW_LANES) part += w[offset[0] + base + j] * d[offset[1] + base + j];
    const float sum = row_sum(part);
    for (uint j = lane; j < all; j += ROW_LANES) {
        const uint at = offset[1] + base + j;
        d[at] = j < seen ? p.scale * w[offset[0] + base + j] * (d[at] - sum) : 0.0;
    }
}
