// SPDX-License-Identifier: MIT
// The running statistics as statistics records, one channel an invocation: (mean, 0, 1 / sqrt(var + eps), var).
#version 450
#define PUSH vkn_running_push
#include "common.glsl"

FLOATS(readonly, 0, running_mean)
FLOATS(readonly, 1, running_var)
FLOATS(writeonly, 2, statistics)

void main() {
    uint channel = workgroup_index() * WORKGROUP + gl_LocalInvocationIndex;
    if (channel >= push.channels) return;
    float variance = AT(1, running_var, channel);
    AT(2, statistics, channel * 4u) = AT(0, running_mean, channel);
    AT(2, statistics, channel * 4u + 1u) = 0.0;
    AT(2, statistics, channel * 4u + 2u) = inversesqrt(variance + push.eps);
    AT(2, statistics, channel * 4u + 3u) = variance;
}
