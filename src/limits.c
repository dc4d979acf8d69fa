// SPDX-License-Identifier: MIT
#include "limits.h"

// What fills the kinds of device; docs/performance.md has the measurements. CPU drivers take long to build what holds
// many words, and those with narrow subgroups (SwiftShader) longest.
static const vkn_limits gpu_limits = {
    .workgroup = 128,
    .block = 16,
    .grad_block = 8,
    .element_blocks = 2,
    .stream_block = 4,
    .rows = 4,
    .grad_rows = 1, // x and dy of more would be too much for a cache
    .neighbours = 1,
    .apply = 16,
    .apply_block = 4,
    .slab = 1 << 14,
    .slab_teams = 64,
    .across = true,
    .row_invocations = 131072,
    .grad_row_invocations = 65536,
    .teams = 2048,
    .invocations = 65536,
    .column_words = 1,
    .column_block = 4,
    .least_positions = 8,
    .reduce_positions = 1024,
    .apply_positions = 8,
    .gpu = true,
};
static const vkn_limits cpu_limits = {
    .cpu = true,
    .workgroup = 32,
    .block = 32,
    .grad_block = 32,
    .element_blocks = 1,
    .stream_block = 8,
    .stream_invocations = 256,
    .rows = 32,
    .grad_rows = 32,
    .neighbours = 4,
    .apply = 512,
    .apply_block = 2,
    .slab = 1 << 19,
    .slab_teams = 8,
    .across = true,
    .row_invocations = 512,
    .grad_row_invocations = 512,
    .teams = 64,
    .invocations = 512,
    .column_words = 16,
    .column_block = 16,
    .least_positions = 32,
    .reduce_positions = 512,
    .apply_positions = 512,
    .texels = true,
};

static vkn_limits numbers_of_kind(bool cpu, bool wide, bool subgroup) {
    vkn_limits limits = cpu ? cpu_limits : gpu_limits;
    if (cpu && !wide) {
        limits.stream_block = 4;
        limits.neighbours = 1;
        limits.across = false;
        limits.column_words = 1;
        limits.column_block = 4;
        limits.texels = false;
    }
    if (cpu && (!wide || !subgroup)) {
        limits.block = 8;
        limits.grad_block = 4;
    }
    return limits;
}

// The widest workgroup of at most so many invocations.
static uint32_t widest_up_to(uint32_t invocations, const vkn_device_info *info) {
    while (invocations > info->max_workgroup_invocations)
        invocations /= 2;
    return invocations;
}

void vkn_limits_narrow(vkn_limits *limits) {
    if (limits->lanes > limits->widest) limits->lanes = limits->widest;
    if (limits->workgroup > limits->widest) limits->workgroup = limits->widest;
}

// CPU drivers pay dearly for barrier(), so there a team is at most a subgroup; with subgroups turned off, shared memory
// is what is left.
vkn_limits vkn_limits_of_kind(const vkn_device_info *info, bool cpu) {
    bool subgroup = info->used & VKN_FEATURE_SUBGROUP, wide = info->subgroup_size >= 8;
    vkn_limits limits = numbers_of_kind(cpu, wide, subgroup);
    // Without subgroups reductions take 32 bytes of shared memory an invocation.
    bool shares_enough = info->max_shared_bytes >= 32768;
    limits.widest = widest_up_to(256, info);
    limits.sums_widest = widest_up_to(cpu || !shares_enough ? 256 : 512, info);
    limits.lanes = !cpu ? limits.widest : subgroup ? info->subgroup_size : 32;
    vkn_limits_narrow(&limits);
    limits.stream_lanes = cpu && subgroup && wide ? 1 : limits.lanes;
    limits.subgroup = subgroup ? info->subgroup_size : 1;
    limits.max_workgroups = (uint64_t)info->max_workgroups * info->max_workgroups;
    if (info->max_workgroups <= 4096) limits.max_workgroups *= info->max_workgroups;
    limits.binding_elements = info->max_binding_bytes / 4 - info->offset_alignment / 4;
    limits.on_chip = info->used & VKN_FEATURE_ON_CHIP;
    limits.vector = info->used & VKN_FEATURE_VECTOR ? 2 : 0;
    return limits;
}

vkn_limits vkn_limits_make(const vkn_device_info *info) {
    return vkn_limits_of_kind(info, info->type == VK_PHYSICAL_DEVICE_TYPE_CPU);
}
