// SPDX-License-Identifier: MIT
// Adds up records of sums: to the sums of g and g * xhat of a statistic group (VKN_HAS_WEIGHT: each record times its
// unit's weight), or to dbias and dweight.
#version 450
#define PUSH vkn_merge_push
#include "common.glsl"
#include "team.glsl"
#include "kahan.glsl"

layout(std430, set = 0, binding = 0) readonly buffer records { vec4 record_at[]; };
FLOATS(readonly, 1, weight)
FLOATS(, 2, first)
FLOATS(, 3, second)
layout(std430, set = 0, binding = 4) writeonly buffer group_sums { vec2 group_sums_at[]; };

vec4 combine(vec4 a, vec4 b) { return a + b; }

void main() {
    uint output_index = team_index();
    bool live = output_index < push.teams;
    uint count = live ? push.parts * push.fan : 0u;
    uint start = output_index * push.output_stride;
    vec2 sum = vec2(0), carry = vec2(0);
    for (uint r = lane_index(); r < count; r += LANES) {
        uint part = r / push.fan, member = r % push.fan;
        vec2 added = record_at[start + part * push.part_stride + member * push.fan_stride].xy;
        if (has(VKN_HAS_WEIGHT)) added *= AT(1, weight, (output_index % push.period) * push.fan + member);
        kahan_add(sum, carry, added);
    }
    vec2 merged = team_reduce(vec4(sum - carry, 0, 0)).xy;
    if (!live || lane_index() != 0u) return;
    if (has(VKN_WRITE_FIRST)) AT(2, first, output_index) = (has(VKN_ACCUMULATE) ? AT(2, first, output_index) : 0.0) + merged.x;
    if (has(VKN_WRITE_SECOND)) AT(3, second, output_index) = (has(VKN_ACCUMULATE) ? AT(3, second, output_index) : 0.0) + merged.y;
    if (has(VKN_WRITE_SUMS)) group_sums_at[output_index] = merged;
}
