// SPDX-License-Identifier: MIT
// Reading record r of an output. Records of our own are RECORDs, vec4 or vec2, and begin at whole ones (VECTOR); a
// caller's have four floats and may begin anywhere.
layout(std430, set = 0, binding = 0) readonly buffer records { RECORD record_at[]; };
FLOATS(readonly, 0, records)

vec4 four_of(vec4 record) { return record; }
vec4 four_of(vec2 record) { return vec4(record, 0, 0); }

vec4 record_of(uint output_index, uint r) {
    uint start = output_index / push.width * push.row_stride + output_index % push.width * push.output_stride;
    uint index = start + r / push.fan * push.part_stride + r % push.fan * push.fan_stride;
    if (VECTOR) return four_of(record_at[origin(0u) / uint(RECORD(0).length()) + index]);
    uint first = origin(0u) + index * 4u;
    return vec4(records_at[first], records_at[first + 1u], records_at[first + 2u], records_at[first + 3u]);
}
