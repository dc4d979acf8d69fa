// SPDX-License-Identifier: MIT
// Constants, the workgroup's place in the grid, and bindings. A shader defines PUSH, the type of its push constants,
// before it includes this file. Without NARROW it is for f32 alone, which makes it half as large.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef SUBGROUP
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "structs.h"
#ifdef TEXEL_BUFFERS
const bool TEXELS = true;
#else
const bool TEXELS = false;
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = VKN_CONSTANT_WORKGROUP) const uint WORKGROUP = 64;
layout(constant_id = VKN_CONSTANT_LANES) const uint LANES = 64;
layout(constant_id = VKN_CONSTANT_CLUSTER) const uint CLUSTER = 1;
layout(constant_id = VKN_CONSTANT_BLOCK) const uint BLOCK = 4;
#ifdef STORAGE_16BIT
const uint VECTOR_WORDS = 0; // words need no 16-bit stores
#else
layout(constant_id = VKN_CONSTANT_VECTOR) const uint VECTOR_WORDS = 0;
#endif
const bool VECTOR = VECTOR_WORDS > 0u;
layout(constant_id = VKN_CONSTANT_ON_CHIP) const bool ON_CHIP = false;
layout(constant_id = VKN_CONSTANT_CENTERED) const bool CENTERED = true;
layout(constant_id = VKN_CONSTANT_AFFINE) const uint AFFINE = VKN_AFFINE_UNIT;
#ifdef NARROW
layout(constant_id = VKN_CONSTANT_DTYPE) const uint DTYPE = VKN_STORAGE_F16;
layout(constant_id = VKN_CONSTANT_PARAMETER) const uint PARAMETER = VKN_STORAGE_F32;
const bool WIDE = false, WIDE_PARAMETER = PARAMETER == VKN_STORAGE_F32;
const bool PAIRED = VECTOR_WORDS > 1u; // a lane's words are pairs of 16 bytes
#else
const uint DTYPE = VKN_STORAGE_F32, PARAMETER = VKN_STORAGE_F32;
const bool WIDE = true, WIDE_PARAMETER = true;
const bool PAIRED = false;
#endif
layout(constant_id = VKN_CONSTANT_ACTIVATION) const uint ACTIVATION = VKN_ACT_NONE;
layout(constant_id = VKN_CONSTANT_RESIDUAL) const uint RESIDUAL = VKN_ADD_NOTHING;
layout(constant_id = VKN_CONSTANT_DRESIDUAL) const bool DRESIDUAL = false;

layout(constant_id = VKN_CONSTANT_WHOLE) const bool WHOLE = false;
layout(constant_id = VKN_CONSTANT_SUMS) const uint SUMS = VKN_SUMS_NONE;
layout(constant_id = VKN_CONSTANT_DX) const uint DX = VKN_DX_NONE;
layout(constant_id = VKN_CONSTANT_ROWS) const uint ROWS = 1;
layout(constant_id = VKN_CONSTANT_WORDS) const uint WORDS = 1;
layout(constant_id = VKN_CONSTANT_ONE_OUTER) const bool ONE_OUTER = false;

layout(push_constant, std430) uniform Push { PUSH push; };

// The grid is folded into x, y and z, because each may be limited to 65535.
uint workgroup_index() {
    return gl_WorkGroupID.x + gl_NumWorkGroups.x * (gl_WorkGroupID.y + gl_NumWorkGroups.y * gl_WorkGroupID.z);
}

bool has(uint flag) { return (push.flags & flag) != 0u; }

// Elements between what is bound (aligned down) and where the tensor begins.
uint origin(uint slot) {
    return bitfieldExtract(slot < 4u ? push.origins_low : push.origins_high, int(slot & 3u) * 8, 8);
}

// A binding of plain floats: statistics, sums, gradients of parameters.
#define FLOATS(access, slot, name)                                                          \
    layout(std430, set = 0, binding = slot) access buffer name##_floats { float name##_at[]; };
#define AT(slot, name, index) name##_at[origin(slot) + (index)]

// The first `valid` elements of a word, zeros after them. Words of four are there or not, and WHOLE rows have all.
vec4 masked(vec4 v, uint valid) {
    if (WHOLE) return v;
    if (VECTOR) return valid > 0u ? v : vec4(0);
    return mix(vec4(0), v, lessThan(uvec4(0, 1, 2, 3), uvec4(valid)));
}
float sum_of(vec4 v) { return (v.x + v.y) + (v.z + v.w); }
