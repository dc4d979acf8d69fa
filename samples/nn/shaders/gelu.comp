// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "index.glsl"
#include "normal.glsl"

// y = x Phi(x), Phi the distribution function of the normal distribution
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push {
    uint offset[2];
    nn_map_push p;
};

void main() {
    const uint i = element_index();
    if (i < p.count) {
        const float value = x[offset[0] + i];
        y[offset[1] + i] = value * normal_distribution(value);
    }
}
