// SPDX-License-Identifier: MIT
// Moments of one part of a unit, rows family: one record a team.
#version 450
#define PUSH vkn_rows_push
#include "common.glsl"
#include "tensor.glsl"
#include "team.glsl"
#include "moments_rows.glsl"
#include "residual.glsl"

SOURCE(0, x)
layout(std430, set = 0, binding = 1) writeonly buffer records { vec4 record_at[]; };
TENSOR(readonly, 2, residual, DTYPE, WIDE)
TENSOR(, 3, h, DTYPE, WIDE)
SOURCE_LOAD(0, x)
LOAD(2, residual)
STORE(3, h)
INPUT

void main() {
    Part p = part_of_team();
    vec4 record = team_reduce(moments_of_lane(p.first, p.outer_count, p.run_count), 0u);
    if (p.live && lane_index() == 0u) record_at[push.record_first + p.part * push.record_units + p.unit] = record;
}
