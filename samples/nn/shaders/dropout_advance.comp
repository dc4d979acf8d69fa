// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"

// One step further, in 64 bits. The count lives on the device, so the same command buffer may be submitted again.
layout(local_size_x = 1) in;

layout(std430, binding = 0) buffer Step { uint step_words[]; };
layout(push_constant) uniform Push {
    uint offset[1];
    nn_dropout_push p;
};

void main() {
    const uint low = step_words[offset[0]] + 1;
    step_words[offset[0]] = low;
    if (low == 0) step_words[offset[0] + 1] += 1;
}
