// SPDX-License-Identifier: MIT
#include "plan.h"

// Fills for the kinds of device; docs/performance.md has the measurements. CPU drivers pay dearly for barrier(), so
// there a team is at most a subgroup; with subgroups turned off, shared memory is what is left. They also take long to
// build what holds many words, and SwiftShader longest.
vkn_limits vkn_limits_make(const vkn_device_info *info, uint32_t forced_lanes) {
    bool cpu = info->type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    bool subgroup = info->used & VKN_FEATURE_SUBGROUP;
    bool wide = info->subgroup_size >= 8;
    uint32_t most = 1;
    while (most * 2 <= info->max_workgroup_invocations && most < 256)
        most *= 2;
    vkn_limits limits = {
        .subgroup = subgroup ? info->subgroup_size : 1,
        .widest = most,
        .workgroup = cpu ? 32 : 128,
        .block = !cpu || !subgroup ? 8
                 : wide            ? 32
                                   : 8,
        .grad_block = !cpu || !subgroup ? 4
                      : wide            ? 32
                                        : 4,
        .stream_block = cpu && wide ? 8 : 4,
        .stream_invocations = cpu ? 256 : 0,
        .neighbours = cpu && wide ? 4 : 1,
        .apply = cpu ? 512 : 16,
        .slab = cpu ? 1 << 19 : 1 << 14,
        .row_invocations = cpu ? 512 : 65536,
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
        .backwards = !cpu || forced_lanes, // CPU drivers gain nothing, but can test it
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
