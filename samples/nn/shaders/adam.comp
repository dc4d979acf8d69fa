// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// Kingma & Ba 2015, with g the gradient and correction = {1 - beta1^t, 1 - beta2^t}:
//   m = beta1 * m + (1 - beta1) * g,  v = beta2 * v + (1 - beta2) * g^2
//   value -= lr * (m / correction[0]) / (sqrt(v / correction[1]) + eps) + decay * value
// with decay = lr * weight decay, which is that of Loshchilov & Hutter 2019.
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) buffer Value { float value[]; };
layout(std430, binding = 1) readonly buffer Grad { float grad[]; };
layout(std430, binding = 2) buffer M { float m[]; };
layout(std430, binding = 3) buffer V { float v[]; };
layout(std430, binding = 4) readonly buffer Correction { float correction[]; };
layout(push_constant) uniform Push {
    uint offset[5];
    nn_adam_push p;
};

void main() {
    const uint i = element_index();
    if (i < p.count) {
        const float g = grad[offset[1] + i];
        const float m_next = p.beta1 * m[offset[2] + i] + p.one_minus_beta1 * g;
        const float v_next = p.beta2 * v[offset[3] + i] + p.one_minus_beta2 * g * g;
        m[offset[2] + i] = m_next;
        v[offset[3] + i] = v_next;
        const float m_hat = m_next / correction[offset[4]], v_hat = v_next / correction[offset[4] + 1];
        const float before = value[offset[0] + i];
        value[offset[0] + i] = before - (p.lr * m_hat / (sqrt(v_hat) + p.eps) + p.decay * before);
    }
}
