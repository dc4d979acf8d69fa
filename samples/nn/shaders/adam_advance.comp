// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"

// One step further: 1 - beta^t = beta * (1 - beta^(t - 1)) + (1 - beta), from zero at t = 0. The count of steps lives in
// the corrections, on the device, so the same command buffer may be submitted again; and no pow, no difference.
layout(local_size_x = 1) in;

layout(std430, binding = 0) buffer Correction { float correction[]; };
layout(push_constant) uniform Push {
    uint offset[1];
    nn_adam_push p;
};

void main() {
    const uint at = offset[0];
    correction[at] = p.beta1 * correction[at] + p.one_minus_beta1;
    correction[at + 1] = p.beta2 * correction[at + 1] + p.one_minus_beta2;
}
