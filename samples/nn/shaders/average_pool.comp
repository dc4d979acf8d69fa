// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// y[plane] = sum of the plane's elements / area. NN_AVERAGE_LANES invocations, neighbours, share a plane.
#define BLOCK 256 // additions before a sum goes to the total: no long chain
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push {
    uint offset[2];
    nn_average_pool_push p;
};

shared float sums[NN_LANES];

void main() {
    const uint i = element_index(), plane = i / NN_AVERAGE_LANES, lane = gl_LocalInvocationIndex;
    const uint first = offset[0] + plane * p.area, end = plane < p.planes ? p.area : 0;
    float total = 0.0;
    for (uint at = i % NN_AVERAGE_LANES; at < end;) {
        float part = 0.0;
        for (uint n = 0; n < BLOCK && at < end; n++, at += NN_AVERAGE_LANES) part += x[first + at];
        total += part;
    }
    sums[lane] = total;
    barrier();
    if (i % NN_AVERAGE_LANES == 0 && plane < p.planes) {
        for (uint n = 1; n < NN_AVERAGE_LANES; n++) total += sums[lane + n];
        y[offset[1] + plane] = total / float(p.area);
    }
}
