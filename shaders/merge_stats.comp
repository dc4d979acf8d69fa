// SPDX-License-Identifier: MIT
// Merges the records of a statistic group (its units, all parts), and gives mean, its low part, variance, rstd.
// A lane may have many records: it takes their mean as one compensated sum and their M2 around that mean,
//   mean = sum(n_i mean_i) / n,  M2 = sum(M2_i + n_i (mean_i - mean)^2)
// and the lanes of the team merge by Chan.
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

vec4 record_of(uint output_index, uint r) {
    return record_at[(r / push.fan) * push.part_stride + output_index * push.fan + r % push.fan];
}

float mean_of(vec4 record) { return record.x + record.y; }

void main() {
    uint output_index = team_index();
    bool live = output_index < push.teams;
    uint count = live ? push.parts * push.fan : 0u;
    float shift = 0.0;
    if (live)
        shift = median(mean_of(record_of(output_index, 0u)), mean_of(record_of(output_index, count / 2u)),
                       mean_of(record_of(output_index, count - 1u)));
    float n = 0.0, sum = 0.0, carry = 0.0, m2 = 0.0;
    for (uint r = lane_index(); r < count; r += LANES) {
        vec4 record = record_of(output_index, r);
        kahan_add(sum, carry, record.w * ((record.x - shift) + record.y));
        n += record.w;
    }
    float lane_mean = (sum - carry) / max(n, 1.0);
    for (uint r = lane_index(); r < count; r += LANES) {
        vec4 record = record_of(output_index, r);
        precise float deviation = ((record.x - shift) + record.y) - lane_mean;
        m2 += record.z + record.w * (deviation * deviation);
    }
    Statistics s = statistics_of(team_reduce(vec4(shift, lane_mean, m2, n)), push.scale, push.eps);
    if (!live || lane_index() != 0u) return;
    if (has(VKN_WRITE_MEAN)) AT(1, mean, output_index) = s.mean;
    if (has(VKN_WRITE_RSTD)) AT(2, rstd, output_index) = s.rstd;
    if (has(VKN_WRITE_LOW)) AT(3, low, output_index) = s.low;
    if (has(VKN_WRITE_VARIANCE)) AT(4, variance, output_index) = s.variance;
}
