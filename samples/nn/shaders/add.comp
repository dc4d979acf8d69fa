// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// y[i] = a[i] + b[i mod period]
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer A { float a[]; };
layout(std430, binding = 1) readonly buffer B { float b[]; };
layout(std430, binding = 2) writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_add_push p;
};

void main() {
    const uint i = element_index();
    if (i < p.count) y[offset[2] + i] = a[offset[0] + i] + b[offset[1] + i % p.period];
}
