// SPDX-License-Identifier: MIT
// Merges the records of a statistic group (its units, all parts) by Chan, and gives mean, its low part, variance, rstd.
#version 450
#define PUSH vkn_merge_push
#include "common.glsl"
#include "team.glsl"
#include "moments.glsl"

layout(std430, set = 0, binding = 0) readonly buffer records { vec4 record_at[]; };
FLOATS(writeonly, 1, mean)
FLOATS(writeonly, 2, rstd)
FLOATS(writeonly, 3, low)
FLOATS(writeonly, 4, variance)

vec4 combine(vec4 a, vec4 b) { return moments_merge(a, b); }

void main() {
    uint output_index = team_index();
    bool live = output_index < push.teams;
    uint count = live ? push.parts * push.fan : 0u;
    vec4 record = vec4(0);
    for (uint r = lane_index(); r < count; r += LANES) {
        uint part = r / push.fan, member = r % push.fan;
        record = moments_merge(record, record_at[part * push.part_stride + output_index * push.fan + member]);
    }
    Statistics s = statistics_of(team_reduce(record), push.scale, push.eps);
    if (!live || lane_index() != 0u) return;
    if (has(VKN_WRITE_MEAN)) AT(1, mean, output_index) = s.mean;
    if (has(VKN_WRITE_RSTD)) AT(2, rstd, output_index) = s.rstd;
    if (has(VKN_WRITE_LOW)) AT(3, low, output_index) = s.low;
    if (has(VKN_WRITE_VARIANCE)) AT(4, variance, output_index) = s.variance;
}
