// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "log1p.glsl"

// Binary cross-entropy with logits z and targets t, with u = exp(-|z|), which never overflows:
//   loss = sum of (max(z, 0) - z * t + log(1 + u)) / total
//   dz   = (sigmoid(z) - t) / total = ((1 - t) * sigmoid(z) - t * sigmoid(-z)) / total, which never cancels
// One workgroup sums all of it, always in the same order.
#define BLOCK 256 // additions before a sum goes to the total: no long chain
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Z { float z[]; };
layout(std430, binding = 1) readonly buffer T { float t[]; };
layout(std430, binding = 2) writeonly buffer Loss { float loss[]; };
layout(std430, binding = 3) writeonly buffer Dz { float dz[]; };
layout(std430, binding = 4) writeonly buffer Right { float right[]; };
layout(push_constant) uniform Push {
    uint offset[5];
    nn_bce_push p;
};

shared float sums[NN_LANES];
shared uint rights[NN_LANES];

float element(uint i, inout uint rights_of_lane) {
    const float logit = z[offset[0] + i], target = t[offset[1] + i];
    rights_of_lane += uint((logit > 0.0) == (target > 0.5));
    const float u = exp(-abs(logit));
    const float near = 1.0 / (1.0 + u), far = u / (1.0 + u); // sigmoid(|z|), sigmoid(-|z|)
    if (p.has_grad != 0) {
        const float up = logit < 0.0 ? far : near, down = logit < 0.0 ? near : far;
        dz[offset[3] + i] = ((1.0 - target) * up - target * down) / float(p.total);
    }
    // max(z, 0) - z * t without the difference of two large numbers
    return (logit < 0.0 ? -logit * target : logit * (1.0 - target)) + log1p(u);
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    float total = 0.0;
    uint rights_of_lane = 0;
    for (uint i = lane; i < p.count;) {
        float part = 0.0;
        for (uint n = 0; n < BLOCK && i < p.count; n++, i += NN_LANES) part += element(i, rights_of_lane);
        total += part;
    }
    sums[lane] = total;
    rights[lane] = rights_of_lane;
    for (uint half_size = NN_LANES / 2; half_size > 0; half_size /= 2) {
        barrier();
        if (lane < half_size) {
            sums[lane] += sums[lane + half_size];
            rights[lane] += rights[lane + half_size];
        }
    }
    if (lane == 0) loss[offset[2]] = sums[0] / float(p.total);
    if (lane == 0 && p.has_right != 0) right[offset[4]] = float(rights[0]);
}
