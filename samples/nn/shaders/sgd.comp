// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// Gradient descent with momentum, with g the gradient:
//   velocity = momentum * velocity + g + weight_decay * value,  value -= lr * velocity
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) buffer Value { float value[]; };
layout(std430, binding = 1) readonly buffer Grad { float grad[]; };
layout(std430, binding = 2) buffer Velocity { float velocity[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_sgd_push p;
};

void main() {
    const uint i = element_index();
    if (i < p.count) {
        const float before = value[offset[0] + i];
        const float next = p.momentum * velocity[offset[2] + i] + (grad[offset[1] + i] + p.weight_decay * before);
        velocity[offset[2] + i] = next;
        value[offset[0] + i] = before - p.lr * next;
    }
}
