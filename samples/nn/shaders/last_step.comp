// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// y[n][i] = x[n][steps - 1][i]
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push {
    uint offset[2];
    nn_last_step_push p;
};

void main() {
    const uint e = element_index();
    if (e < p.count) {
        const uint n = e / p.width, i = e % p.width;
        y[offset[1] + e] = x[offset[0] + (n * p.steps + p.steps - 1) * p.width + i];
    }
}
