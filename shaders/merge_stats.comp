// SPDX-License-Identifier: MIT
// Merges the records of a statistic group (its units, all parts), and gives (mean, low, rstd, variance), or the merged
// moments (mean, low, M2, count).
// A lane may have many records: it takes their mean as one compensated sum and their M2 around that mean,
//   mean = sum(n_i mean_i) / n,  M2 = sum(M2_i + n_i (mean_i - mean)^2)
// and the lanes of the team merge by Chan.
#version 450
#define PUSH vkn_merge_push
#define STRIDE WORDS
#define RECORD vec4
#include "common.glsl"
#include "team.glsl"
#include "moments.glsl"
#include "record_load.glsl"

FLOATS(writeonly, 1, statistics)
FLOATS(writeonly, 2, moments)
STATISTICS_STORE(1, statistics)

vec4 combine(vec4 mine, vec4 other, bool first) { return moments_merge(mine, other, first); }

float mean_of(vec4 record) { return record.x + record.y; }

// A record of nothing has no mean; the first that has is the shift's candidate.
float shift_of_records(uint start, uint count) {
    vec4 a = record_of(start, place_of(0u)), b = record_of(start, place_of(count / 2u));
    vec4 c = record_of(start, place_of(count - 1u));
    if (b.w == 0.0) b = a.w == 0.0 ? c : a;
    if (a.w == 0.0) a = b;
    if (c.w == 0.0) c = b;
    return median(vec4(mean_of(a)), vec4(mean_of(b)), vec4(mean_of(c))).x;
}

void main() {
    uint output_index = team_index();
    bool live = output_index < push.teams;
    uint count = live ? push.parts * push.fan : 0u;
    uint start = record_start(output_index);
    float shift = count > 0u ? shift_of_records(start, count) : 0.0;
    float n = 0.0, sum = 0.0, carry = 0.0, m2 = 0.0;
    Place at = place_of(lane_index()), step = place_of(LANES);
    for (uint r = lane_index(); r < count; r += LANES) {
        vec4 record = record_of(start, at);
        place_advance(at, step);
        kahan_add(sum, carry, record.w * ((record.x - shift) + record.y));
        n += record.w;
    }
    float lane_mean = (sum - carry) / max(n, 1.0);
    at = place_of(lane_index());
    for (uint r = lane_index(); r < count; r += LANES) {
        vec4 record = record_of(start, at);
        place_advance(at, step);
        precise float deviation = ((record.x - shift) + record.y) - lane_mean;
        m2 += record.z + record.w * (deviation * deviation);
    }
    vec4 merged = team_reduce(vec4(shift, lane_mean, m2, n), 0u);
    if (!live || lane_index() != 0u) return;
    Statistics s = statistics_of(merged, push.eps);
    if (has(VKN_WRITE_STATISTICS)) statistics_store(output_index, s);
    if (!has(VKN_WRITE_MOMENTS)) return;
    AT(2, moments, output_index * 4u) = s.mean;
    AT(2, moments, output_index * 4u + 1u) = s.low;
    AT(2, moments, output_index * 4u + 2u) = merged.z;
    AT(2, moments, output_index * 4u + 3u) = merged.w;
}
