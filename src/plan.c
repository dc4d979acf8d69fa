// SPDX-License-Identifier: MIT
#include "error.h"
#include "plan_parts.h"
#include <stdlib.h>

// The running statistics' pass loops over a slice's samples; a loop of 65536 and more silently ends early on lavapipe.
enum { MOST_SAMPLES = 1 << 14 };
// Scratch memory for records is kept below this many, 16 bytes each, however much a binding could see.
enum { MOST_RECORDS = 1 << 22 };

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

// Fills for the kinds of device. CPU drivers pay dearly for barrier(), so there a team is at most a subgroup, and where
// subgroups are narrow a single lane; with subgroups turned off, shared memory is what is left.
vkn_limits vkn_limits_make(const vkn_device_info *info, uint32_t forced_lanes) {
    bool cpu = info->type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    bool subgroup = info->used & VKN_FEATURE_SUBGROUP;
    uint32_t most = 1;
    while (most * 2 <= info->max_workgroup_invocations && most < 256)
        most *= 2;
    vkn_limits limits = {
        .subgroup = subgroup ? info->subgroup_size : 1,
        .widest = most,
        .workgroup = cpu ? 32 : 128,
        .block = cpu && info->subgroup_size >= 8 ? 32 : 8,
        .teams = cpu ? 64 : 2048,
        .invocations = cpu ? 2048 : 65536,
        .max_workgroups = (uint64_t)info->max_workgroups * info->max_workgroups,
        .binding_elements = info->max_binding_bytes / 4 - info->offset_alignment / 4,
        .on_chip = info->used & VKN_FEATURE_ON_CHIP,
        .vector = info->used & VKN_FEATURE_VECTOR,
    };
    if (info->max_workgroups <= 4096) limits.max_workgroups *= info->max_workgroups;
    if (cpu && subgroup)
        limits.lanes = info->subgroup_size >= 8 ? info->subgroup_size : 1;
    else
        limits.lanes = cpu ? 32 : 256;
    limits.lanes_forced = forced_lanes != 0;
    if (forced_lanes) limits.lanes = forced_lanes;
    if (limits.lanes > most) limits.lanes = most;
    if (limits.workgroup > most) limits.workgroup = most;
    if (limits.subgroup > limits.lanes && limits.lanes_forced) limits.subgroup = limits.lanes;
    return limits;
}

// ---- Passes ------------------------------------------------------------------------------------------------------
bool vkn_plan_has(const vkn_plan *plan, vkn_operand operand) {
    return (plan->request.present & (1u << operand)) != 0;
}

void vkn_plan_scratch(vkn_plan *plan, vkn_operand operand, uint64_t bytes) {
    if (plan->scratch[operand] < bytes) plan->scratch[operand] = bytes;
}

void vkn_plan_records(vkn_plan *plan, uint64_t records) {
    if (records > plan->limits->binding_elements / 4 && plan->result == VKN_OK)
        plan->result = vkn_fail(VKN_UNSUPPORTED,
                                "maxStorageBufferRange: %llu partial results of 16 bytes do not fit in one binding",
                                (unsigned long long)records);
    vkn_plan_scratch(plan, VKN_RECORDS, records * 16);
}

vkn_pass *vkn_plan_add(vkn_plan *plan, vkn_shader shader, const vkn_split *split, bool vector) {
    if (plan->result != VKN_OK) return NULL;
    if (plan->count == plan->capacity) {
        uint32_t capacity = plan->capacity ? plan->capacity * 2 : 16;
        vkn_pass *grown = realloc(plan->passes, capacity * sizeof *grown);
        if (!grown) {
            plan->result = vkn_fail(VKN_OUT_OF_MEMORY, "plan: %u passes: out of host memory", capacity);
            return NULL;
        }
        plan->passes = grown;
        plan->capacity = capacity;
    }
    vkn_pass *pass = &plan->passes[plan->count++];
    *pass = (vkn_pass){.shader = shader, .barrier = plan->barrier};
    plan->barrier = false;
    const vkn_limits *limits = plan->limits;
    uint32_t lanes = split->lanes;
    uint32_t *constant = pass->constants.value;
    constant[VKN_CONSTANT_WORKGROUP] = lanes > limits->workgroup ? lanes : limits->workgroup;
    constant[VKN_CONSTANT_LANES] = lanes;
    constant[VKN_CONSTANT_CLUSTER] = (uint32_t)least(lanes, limits->subgroup);
    constant[VKN_CONSTANT_BLOCK] = split->block;
    constant[VKN_CONSTANT_VECTOR] = vector;
    constant[VKN_CONSTANT_CENTERED] = plan->geometry->centered;
    constant[VKN_CONSTANT_AFFINE] = plan->geometry->element_affine ? VKN_AFFINE_ELEMENT : VKN_AFFINE_UNIT;
    return pass;
}

void vkn_pass_bind(vkn_pass *pass, uint32_t binding, vkn_operand operand, uint64_t first_element, uint64_t elements,
                   uint32_t element_bytes) {
    pass->bindings[binding] = (vkn_binding){operand, first_element * element_bytes, elements * element_bytes};
}

void vkn_pass_grid(vkn_plan *plan, vkn_pass *pass, uint64_t teams, uint32_t lanes) {
    uint64_t per_workgroup = pass->constants.value[VKN_CONSTANT_WORKGROUP] / lanes;
    uint64_t workgroups = (teams + per_workgroup - 1) / per_workgroup;
    if (workgroups > plan->limits->max_workgroups || teams > UINT32_MAX / 2)
        plan->result =
            vkn_fail(VKN_UNSUPPORTED, "maxComputeWorkGroupCount: %llu workgroups are needed, the device has %llu",
                     (unsigned long long)workgroups, (unsigned long long)plan->limits->max_workgroups);
    pass->workgroups = (uint32_t)workgroups;
}

// ---- Slices ------------------------------------------------------------------------------------------------------
uint64_t vkn_slice_most(const vkn_plan *plan, bool records) {
    // Per unit: a record of 16 bytes for each part; statistics take 4 bytes, sums 8.
    const vkn_geometry *g = plan->geometry;
    uint64_t room = least(plan->limits->binding_elements / 4, MOST_RECORDS), most = least(g->units, room);
    if (plan->request.training && g->kind == VKN_INSTANCE) most = least(most, MOST_SAMPLES * g->channels);
    while (records && most > g->fan) {
        vkn_slice slice = {0};
        if (vkn_slice_next(g, most, &slice) != VKN_OK) break;
        vkn_view view = vkn_view_of(g, &slice);
        vkn_split split = vkn_split_reduce(&view, plan->limits);
        if (vkn_boxes_parts(vkn_boxes_of(&view, &split, plan->limits)) * slice.units <= room) break;
        most = most / 2 > g->fan ? most / 2 : g->fan;
    }
    return most;
}

vkn_result vkn_slice_next(const vkn_geometry *g, uint64_t most, vkn_slice *slice) {
    uint64_t first = slice->first_unit + slice->units;
    *slice = (vkn_slice){.first_unit = first};
    if (first >= g->units) return VKN_OK;
    uint64_t left = g->units - first;
    if (g->kind == VKN_BATCH) {
        slice->units = slice->channels = least(left, most);
        slice->first_channel = first;
        slice->samples = 1;
    } else if (most >= g->channels) {
        slice->units = least(left, most / g->channels * g->channels);
        slice->channels = g->channels;
        slice->samples = slice->units / g->channels;
    } else {
        slice->first_channel = first % g->channels;
        slice->units = slice->channels = least(g->channels - slice->first_channel, most / g->fan * g->fan);
        slice->samples = 1;
    }
    if (slice->units == 0)
        return vkn_fail(VKN_UNSUPPORTED,
                        "maxStorageBufferRange: the partial results of one statistic group of %llu elements "
                        "in %llu channels do not fit",
                        (unsigned long long)g->group_size, (unsigned long long)g->fan);
    return VKN_OK;
}

// ---- Statistics from x ---------------------------------------------------------------------------------------------
vkn_statistics_operands vkn_running_operands(void) {
    return (vkn_statistics_operands){VKN_RUNNING_MEAN_OPERAND, VKN_RUNNING_VAR_OPERAND,
                                     VKN_STAT_VARIANCE | VKN_STAT_CHANNEL};
}

static uint64_t first_of(vkn_operand operand, uint64_t first) {
    return operand >= VKN_RECORDS ? 0 : first; // scratch holds one slice
}

void vkn_pass_bind_statistics(const vkn_plan *plan, vkn_pass *pass, uint32_t binding, const vkn_slice *slice,
                              const vkn_boxes *boxes, const vkn_box *box, const vkn_statistics_operands *s) {
    const vkn_geometry *g = plan->geometry;
    uint64_t first = slice->first_unit / g->fan, count = slice->units / g->fan;
    if (s->flags & VKN_STAT_CHANNEL) {
        first = slice->first_channel + (boxes->view.columns ? box->at[2] : 0);
        count = boxes->view.columns ? box->count[2] : slice->channels;
    }
    bool rows_as_columns = boxes->view.columns && g->element_affine;
    uint64_t skipped = rows_as_columns ? box->at[1] : 0;
    if (rows_as_columns) count = box->count[1];
    if (g->centered) vkn_pass_bind(pass, binding, s->mean, first_of(s->mean, first) + skipped, count, 4);
    vkn_pass_bind(pass, binding + 1, s->rstd, first_of(s->rstd, first) + skipped, count, 4);
    if (s->flags & VKN_STAT_LOW) vkn_pass_bind(pass, binding + 2, VKN_STAT_LOW_OPERAND, skipped, count, 4);
}

static void add_stats(vkn_plan *plan, const vkn_slice *slice, vkn_boxes boxes, uint64_t parts) {
    vkn_box box;
    bool vector = plan->limits->vector;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_pass *pass = vkn_plan_add(plan, boxes.view.columns ? VKN_SHADER_STATS_COLUMNS : VKN_SHADER_STATS_ROWS,
                                      &boxes.split, vector);
        if (!pass) return;
        vkn_pass_bind(pass, 0, VKN_X, box.first, vkn_box_span(&boxes.view, &box), 4);
        vkn_pass_bind(pass, 1, VKN_RECORDS, 0, parts * slice->units, 16);
        if (boxes.view.columns)
            vkn_pass_columns(plan, pass, slice, &boxes, &box);
        else
            vkn_pass_rows(plan, pass, slice, &boxes, &box);
        plan->barrier = true;
    }
}

vkn_statistics_operands vkn_plan_statistics(vkn_plan *plan, const vkn_slice *slice) {
    const vkn_geometry *g = plan->geometry;
    vkn_view view = vkn_view_of(g, slice);
    vkn_split split = vkn_split_reduce(&view, plan->limits);
    vkn_boxes boxes = vkn_boxes_of(&view, &split, plan->limits);
    uint64_t parts = vkn_boxes_parts(boxes), groups = slice->units / g->fan;
    vkn_statistics_operands s = {.mean = vkn_plan_has(plan, VKN_MEAN) ? VKN_MEAN : VKN_STAT_MEAN,
                                 .rstd = vkn_plan_has(plan, VKN_RSTD) ? VKN_RSTD : VKN_STAT_RSTD,
                                 .flags = g->centered ? VKN_STAT_LOW : 0};
    vkn_plan_records(plan, parts * slice->units);
    add_stats(plan, slice, boxes, parts);

    bool running = plan->request.training && vkn_plan_has(plan, VKN_RUNNING_MEAN_OPERAND);
    vkn_split merge = vkn_split_merge(parts * g->fan, plan->limits);
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_MERGE_STATS, &merge, false);
    if (!pass) return s;
    uint64_t first = slice->first_unit / g->fan;
    vkn_pass_bind(pass, 0, VKN_RECORDS, 0, parts * slice->units, 16);
    vkn_pass_bind(pass, 2, s.rstd, first_of(s.rstd, first), groups, 4);
    if (g->centered) {
        vkn_pass_bind(pass, 1, s.mean, first_of(s.mean, first), groups, 4);
        vkn_pass_bind(pass, 3, VKN_STAT_LOW_OPERAND, 0, groups, 4);
    }
    if (running) vkn_pass_bind(pass, 4, VKN_STAT_VAR, 0, groups, 4);
    pass->push.merge = (struct vkn_merge_push){
        .flags =
            VKN_WRITE_RSTD | (g->centered ? VKN_WRITE_MEAN | VKN_WRITE_LOW : 0u) | (running ? VKN_WRITE_VARIANCE : 0u),
        .teams = (uint32_t)groups,
        .parts = (uint32_t)parts,
        .part_stride = (uint32_t)slice->units,
        .fan = (uint32_t)g->fan,
        .eps = plan->request.eps,
        .scale = (float)(1.0 / (double)g->group_size),
    };
    vkn_pass_grid(plan, pass, groups, merge.lanes);
    vkn_operand written[] = {s.mean, s.rstd, VKN_STAT_LOW_OPERAND, VKN_STAT_VAR};
    for (size_t i = 0; i < sizeof written / sizeof *written; ++i)
        if (written[i] >= VKN_RECORDS) vkn_plan_scratch(plan, written[i], groups * 4);
    plan->barrier = true;
    return s;
}
