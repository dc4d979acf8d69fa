// SPDX-License-Identifier: MIT
// Constants, the workgroup's place in the grid, and tensors. A shader defines PUSH, the type of its push constants,
// before it includes this file.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef SUBGROUP
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "structs.h"

layout(local_size_x_id = 0) in;
layout(constant_id = VKN_CONSTANT_WORKGROUP) const uint WORKGROUP = 64;
layout(constant_id = VKN_CONSTANT_LANES) const uint LANES = 64;
layout(constant_id = VKN_CONSTANT_CLUSTER) const uint CLUSTER = 1;
layout(constant_id = VKN_CONSTANT_BLOCK) const uint BLOCK = 4;
layout(constant_id = VKN_CONSTANT_VECTOR) const bool VECTOR = false;
layout(constant_id = VKN_CONSTANT_ON_CHIP) const bool ON_CHIP = false;
layout(constant_id = VKN_CONSTANT_CENTERED) const bool CENTERED = true;
layout(constant_id = VKN_CONSTANT_AFFINE) const uint AFFINE = VKN_AFFINE_UNIT;

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

// One binding seen as elements and as words of four.
#define TENSOR(access, slot, name)                                                               \
    layout(std430, set = 0, binding = slot) access buffer name##_elements { float name##_at[]; };    \
    layout(std430, set = 0, binding = slot) access buffer name##_words { vec4 name##_word_at[]; };

// A word that begins at `element`; only the first `valid` of its four elements exist, the others read as zero.
#define LOAD(slot, name)                                             \
    vec4 name##_load(uint element, uint valid) {                     \
        uint e = origin(slot) + element;                             \
        if (VECTOR) return valid > 0u ? name##_word_at[e >> 2] : vec4(0); \
        vec4 v = vec4(0);                                            \
        if (valid > 0u) v.x = name##_at[e];                          \
        if (valid > 1u) v.y = name##_at[e + 1u];                     \
        if (valid > 2u) v.z = name##_at[e + 2u];                     \
        if (valid > 3u) v.w = name##_at[e + 3u];                     \
        return v;                                                    \
    }

#define STORE(slot, name)                                   \
    void name##_store(uint element, uint valid, vec4 v) {   \
        uint e = origin(slot) + element;                    \
        if (VECTOR) {                                       \
            if (valid > 0u) name##_word_at[e >> 2] = v;     \
            return;                                         \
        }                                                   \
        if (valid > 0u) name##_at[e] = v.x;                 \
        if (valid > 1u) name##_at[e + 1u] = v.y;            \
        if (valid > 2u) name##_at[e + 2u] = v.z;            \
        if (valid > 3u) name##_at[e + 3u] = v.w;            \
    }

// A binding of plain floats: statistics and parameters.
#define FLOATS(access, slot, name)                                                          \
    layout(std430, set = 0, binding = slot) access buffer name##_floats { float name##_at[]; };
#define AT(slot, name, index) name##_at[origin(slot) + (index)]

bvec4 valid_mask(uint valid) { return lessThan(uvec4(0, 1, 2, 3), uvec4(valid)); }
float sum_of(vec4 v) { return (v.x + v.y) + (v.z + v.w); }
