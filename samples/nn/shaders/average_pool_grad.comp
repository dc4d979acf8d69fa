// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// dx = dy[plane] / area
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Dy { float dy[]; };
layout(std430, binding = 1) writeonly buffer Dx { float dx[]; };
layout(push_constant) uniform Push {
    uint offset[2];
    nn_average_pool_push p;
};

void main() {
    const uint i = element_index();
    if (i < p.planes * p.area) dx[offset[1] + i] = dy[offset[0] + i / p.area] / float(p.area);
}
