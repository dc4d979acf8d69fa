// SPDX-License-Identifier: MIT
// num_batches_tracked += 1, a 64-bit count as two words, low one first.
#version 450
#define PUSH vkn_running_push
#include "common.glsl"

layout(std430, set = 0, binding = 0) buffer batches { uint batches_at[]; };

void main() {
    if (gl_LocalInvocationIndex != 0u) return;
    uint first = origin(0u);
    uint low = batches_at[first] + 1u;
    batches_at[first] = low;
    if (low == 0u) batches_at[first + 1u] += 1u;
}
