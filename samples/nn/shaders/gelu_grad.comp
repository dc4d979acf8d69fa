// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "index.glsl"
#include "normal.glsl"

// dx = dy (Phi(x) + x phi(x)), with the distribution function and the density of the normal distribution
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
    if (i < p.count) {
        const float value = x[offset[0] + i];
        dx[offset[2] + i] = dy[offset[1] + i] * (normal_distribution(value) + value * normal_density(value));
    }
}
