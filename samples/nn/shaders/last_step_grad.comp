// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// dx[n][step][i] = dy[n][i] in the last step, else 0
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Dy { float dy[]; };
layout(std430, binding = 1) writeonly buffer Dx { float dx[]; };
layout(push_constant) uniform Push {
    uint offset[2];
    nn_last_step_push p;
};

void main() {
    const uint e = element_index();
    if (e < p.count) {
        const uint row = e / p.width, n = row / p.steps;
        dx[offset[1] + e] = row % p.steps + 1 == p.steps ? dy[offset[0] + n * p.width + e % p.width] : 0.0;
    }
}
