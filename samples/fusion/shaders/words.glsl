// SPDX-License-Identifier: MIT
// What both kernels have: vec4 tensors, and the words of an invocation, which lie FUSION_LANES apart.
layout(local_size_x = FUSION_LANES) in;
layout(std430, binding = 0) readonly buffer A { vec4 a[]; };
layout(std430, binding = 1) readonly buffer B { vec4 b[]; };
layout(std430, binding = 2) writeonly buffer Out { vec4 result[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    fusion_push p;
};

uint first_word() {
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * FUSION_LANES * FUSION_WORDS + gl_LocalInvocationIndex;
}
vec4 read_a(uint i) { return a[offset[0] / 4 + i]; }
vec4 read_b(uint i) { return b[offset[1] / 4 + i]; }
void write_result(uint i, vec4 value) { result[offset[2] / 4 + i] = value; }
