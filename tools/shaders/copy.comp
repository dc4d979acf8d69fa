// SPDX-License-Identifier: MIT
// to[i] = from[i], in words of 16 bytes: the memory traffic that every norm is measured against.
// With TEXEL_BUFFERS they are read as texels.
// A workgroup copies a block of WORDS words per invocation, each invocation its own row of them or all interleaved.
#version 450
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint WORDS = 1;
layout(constant_id = 2) const bool ROW = false;

#ifdef TEXEL_BUFFERS
layout(set = 0, binding = 0, rgba32ui) restrict readonly uniform uimageBuffer from;
#define FROM(i) imageLoad(from, int(first_texel + (i)))
#else
layout(set = 0, binding = 0, std430) restrict readonly buffer From { uvec4 from[]; };
#define FROM(i) from[i]
#endif
layout(set = 0, binding = 1, std430) restrict writeonly buffer To { uvec4 to[]; };
layout(push_constant) uniform Push { uint blocks, first_texel; };

void main() {
    const uint block = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    if (block < blocks) {
        const uint lane = gl_LocalInvocationID.x;
        const uint first = block * gl_WorkGroupSize.x * WORDS + (ROW ? lane * WORDS : lane);
        const uint stride = ROW ? 1 : gl_WorkGroupSize.x;
        for (uint i = 0; i < WORDS; i++) {
            to[first + i * stride] = FROM(first + i * stride);
        }
    }
}
