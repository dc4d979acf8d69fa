// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// dx = dy where x > 0, else 0
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer Dy { float dy[]; };
layout(std430, binding = 2) writeonly buffer Dx { float dx[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_map_push p;
};

void main() {
    const uint i = element_index();
    if (i < p.count) dx[offset[2] + i] = x[offset[0] + i] <= 0.0 ? 0.0 : dy[offset[1] + i];
}
