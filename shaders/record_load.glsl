// SPDX-License-Identifier: MIT
// Reading record r of an output. Records of our own are RECORDs, vec4 or vec2, and begin at whole ones (VECTOR); a
// caller's have four floats and may begin anywhere.
layout(std430, set = 0, binding = 0) readonly buffer records { RECORD record_at[]; };
FLOATS(readonly, 0, records)

vec4 four_of(vec4 record) { return record; }
vec4 four_of(vec2 record) { return vec4(record, 0, 0); }

// Record r of an output is the (r mod fan)-th of those that part r / fan has for it.
struct Place {
    uint part, of_part;
};

Place place_of(uint r) { return Place(r / push.fan, r % push.fan); }

// `step` records further on, without a division, which would cost a CPU as much as the record.
void place_advance(inout Place at, Place step) {
    at.part += step.part;
    at.of_part += step.of_part;
    bool over = at.of_part >= push.fan;
    at.part += over ? 1u : 0u;
    at.of_part -= over ? push.fan : 0u;
}

// The first record of an output.
uint record_start(uint output_index) {
    return output_index / push.width * push.row_stride + output_index % push.width * push.output_stride;
}

vec4 record_of(uint start, Place at) {
    uint index = start + at.part * push.part_stride + at.of_part * push.fan_stride;
    if (VECTOR) return four_of(record_at[origin(0u) / uint(RECORD(0).length()) + index]);
    uint first = origin(0u) + index * 4u;
    return vec4(records_at[first], records_at[first + 1u], records_at[first + 2u], records_at[first + 3u]);
}
