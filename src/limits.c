// SPDX-License-Identifier: MIT
#include "plan.h"

// The power of two below `invocations` that a workgroup may have.
static uint32_t widest_up_to(uint32_t invocations, const vkn_device_info *info) {
    while (invocations > info->max_workgroup_invocations)
        invocations /= 2;
    return invocations;
}

// Fills for the kinds of device; docs/performance.md has the measurements. CPU drivers pay dearly for barrier(), so
// there a team is at most a subgroup; with subgroups turned off, shared memory is what is left. They also take long to
// build what holds many words, and SwiftShader longest.
vkn_limits vkn_limits_make(const vkn_device_info *info, uint32_t forced_lanes) {
    bool cpu = info->type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    bool subgroup = info->used & VKN_FEATURE_SUBGROUP;
    bool wide = info->subgroup_size >= 8;
    // Without subgroups reductions take 32 bytes of shared memory an invocation.
    bool shares_enough = info->max_shared_bytes >= 32768;
    uint32_t most = widest_up_to(256, info), sums_most = widest_up_to(cpu || !shares_enough ? 256 : 512, info);
    vkn_limits limits = {
        .subgroup = subgroup ? info->subgroup_size : 1,
        .widest = most,
        .sums_widest = sums_most,
        .workgroup = cpu ? 32 : 128,
        .block = !cpu               ? 16
                 : subgroup && wide ? 32
                                    : 8,
        .grad_block = !cpu               ? 8
                      : subgroup && wide ? 32
                                         : 4,
        .element_blocks = cpu ? 1 : 2,
        .stream_block = cpu && wide ? 8 : 4,
        .stream_invocations = cpu ? 256 : 0,
        .neighbours = cpu && wide ? 4 : 1,
        .apply = cpu ? 512 : 16,
        .slab = cpu ? 1 << 19 : 1 << 14,
        .slab_teams = cpu ? 8 : 64,
        .row_invocations = cpu ? 512 : 131072,
        .grad_row_invocations = cpu ? 512 : 65536,
        .teams = cpu ? 64 : 2048,
        .invocations = cpu ? 1024 : 65536,
        .column_words = cpu && wide ? 16 : 1,
        .column_block = cpu && wide ? 16 : 4,
        .reduce_positions = cpu ? 512 : 1024,
        .apply_positions = cpu ? 128 : 8,
        .max_workgroups = (uint64_t)info->max_workgroups * info->max_workgroups,
        .binding_elements = info->max_binding_bytes / 4 - info->offset_alignment / 4,
        .cpu = cpu,
        .on_chip = info->used & VKN_FEATURE_ON_CHIP,
        .gpu = !cpu || forced_lanes,
        .vector = info->used & VKN_FEATURE_VECTOR ? 2 : 0,
    };
    if (info->max_workgroups <= 4096) limits.max_workgroups *= info->max_workgroups;
    if (cpu && subgroup)
        limits.lanes = info->subgroup_size;
    else
        limits.lanes = cpu ? 32 : 256;
    limits.lanes_forced = forced_lanes != 0;
    if (forced_lanes) limits.lanes = forced_lanes;
    if (limits.lanes > most) limits.lanes = most;
    if (limits.workgroup > most) limits.workgroup = most;
    limits.stream_lanes = cpu && subgroup && wide && !forced_lanes ? 1 : limits.lanes;
    if (limits.subgroup > limits.lanes && limits.lanes_forced) limits.subgroup = limits.lanes;
    return limits;
}
