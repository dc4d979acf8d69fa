// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "index.glsl"
#include "philox.glsl"

// y = x * mask, where mask is 0 with probability p and 1 / (1 - p) otherwise. An invocation has four elements, whose
// random words are those of the counter {its index, rank, step} with the seed as the key: backward finds them again.
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(std430, binding = 2) readonly buffer Step { uint step_words[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_dropout_push p;
};

void main() {
    const uint quad = element_index(), first = 4 * quad;
    const uvec4 counter = uvec4(quad, p.rank, step_words[offset[2]], step_words[offset[2] + 1]);
    const uvec4 bits = philox(counter, uvec2(p.seed_low, p.seed_high));
    [[unroll]] for (uint i = 0; i < 4; i++) {
        if (first + i < p.count) {
            const float mask = bits[i] < p.threshold ? 0.0 : p.scale;
            y[offset[1] + first + i] = x[offset[0] + first + i] * mask;
        }
    }
}
