// SPDX-License-Identifier: MIT
// Adds up records of sums: to the sums of g and g * xhat of a statistic group (VKN_HAS_WEIGHT: each record times its
// unit's weight) and the number of its elements, or to dbias and dweight.
#version 450
#define PUSH vkn_merge_push
#define STRIDE WORDS
#define RECORD vec2
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "kahan.glsl"
#include "record_load.glsl"

TENSOR(readonly, 1, weight, PARAMETER, WIDE_PARAMETER)
FLOATS(, 2, dbias)
FLOATS(, 3, dweight)
FLOATS(, 4, sums)
LOAD_WORD(1, weight)

vec4 combine(vec4 mine, vec4 other, bool first) { return mine + other; }

void main() {
    uint output_index = team_index();
    bool live = output_index < push.teams;
    uint count = live ? push.parts * push.fan : 0u;
    uint start = record_start(output_index);
    uint weight_first = has(VKN_HAS_WEIGHT) ? output_index % push.period * push.weight_stride : 0u;
    vec4 sum = vec4(0), carry = vec4(0);
    Place at = place_of(lane_index()), step = place_of(LANES);
    for (uint r = lane_index(); r < count; r += LANES) {
        vec4 added = record_of(start, at);
        if (has(VKN_HAS_WEIGHT)) added.xy *= push.weight_offset + weight_at(weight_first + at.of_part * push.weight_fan);
        kahan_add(sum, carry, added);
        place_advance(at, step);
    }
    vec4 merged = team_reduce(sum - carry, 0u);
    if (!live || lane_index() != 0u) return;
    uint value = output_index / push.width * push.row_pitch + output_index % push.width;
    bool accumulate = has(VKN_ACCUMULATE);
    if (has(VKN_WRITE_DBIAS)) AT(2, dbias, value) = (accumulate ? AT(2, dbias, value) : 0.0) + merged.x;
    if (has(VKN_WRITE_DWEIGHT)) AT(3, dweight, value) = (accumulate ? AT(3, dweight, value) : 0.0) + merged.y;
    if (!has(VKN_WRITE_SUMS)) return;
    uint first = output_index * 4u;
    vec3 before = accumulate ? vec3(AT(4, sums, first), AT(4, sums, first + 1u), AT(4, sums, first + 2u)) : vec3(0);
    AT(4, sums, first) = before.x + merged.x;
    AT(4, sums, first + 1u) = before.y + merged.y;
    AT(4, sums, first + 2u) = before.z + merged.z + push.count;
    AT(4, sums, first + 3u) = 0.0;
}
