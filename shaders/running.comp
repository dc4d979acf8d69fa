// SPDX-License-Identifier: MIT
// Running statistics of one channel an invocation, from the statistics of its samples (batch norm: one):
//   running_mean = (1 - m) running_mean + m * average of mean
//   running_var  = (1 - m) running_var  + m * average of var * n / (n - 1)      biased: without n / (n - 1)
// with m = momentum, or 1 / num_batches_tracked (cumulative).
#version 450
#define PUSH vkn_running_push
#include "common.glsl"
#include "kahan.glsl"

FLOATS(readonly, 0, statistics)
FLOATS(, 1, running_mean)
FLOATS(, 2, running_var)
layout(std430, set = 0, binding = 3) readonly buffer batches { uint batches_at[]; };
FLOATS(readonly, 4, moments)

float cumulative_momentum() {
    uint first = origin(3u);
    return 1.0 / (float(batches_at[first + 1u]) * 4294967296.0 + float(batches_at[first]));
}

// n / (n - 1); one value alone has no unbiased variance, and its biased one is 0.
float unbias_of(uint channel) {
    if (!has(VKN_HAS_MOMENTS)) return push.unbias;
    float n = AT(4, moments, channel * 4u + 3u);
    return has(VKN_BIASED) ? 1.0 : n / max(n - 1.0, 1.0);
}

void main() {
    uint channel = workgroup_index() * WORKGROUP + gl_LocalInvocationIndex;
    if (channel >= push.channels) return;
    vec2 sum = vec2(0), carry = vec2(0);
    for (uint sample_index = 0u; sample_index < push.samples; ++sample_index) {
        uint group = (sample_index * push.channels + channel) * 4u;
        kahan_add(sum, carry, vec2(AT(0, statistics, group), AT(0, statistics, group + 3u)));
    }
    vec2 average = sum * vec2(push.share, push.share * unbias_of(channel));
    float momentum = has(VKN_CUMULATIVE) ? cumulative_momentum() : push.momentum;
    float keep = push.first != 0u ? 1.0 - momentum : 1.0;
    AT(1, running_mean, channel) = keep * AT(1, running_mean, channel) + momentum * average.x;
    AT(2, running_var, channel) = keep * AT(2, running_var, channel) + momentum * average.y;
}
