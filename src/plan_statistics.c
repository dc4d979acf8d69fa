// SPDX-License-Identifier: MIT
// Statistics of a slice: stats -> merge_stats from x, merge_stats alone from moments.
#include "plan_parts.h"

static void add_stats(vkn_plan *plan, const vkn_slice *slice, vkn_boxes boxes, uint64_t parts) {
    vkn_box box;
    bool before = vkn_plan_has(plan, VKN_H);
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_pass *pass =
            vkn_plan_add(plan, boxes.view.columns ? VKN_SHADER_STATS_COLUMNS : VKN_SHADER_STATS_ROWS, &boxes.split);
        if (!pass) return;
        vkn_pass_bind_box(plan, pass, 0, VKN_X, &boxes, &box);
        vkn_pass_bind(pass, 1, VKN_RECORDS, 0, parts * slice->units, VKN_MOMENTS_BYTES);
        if (before) {
            vkn_pass_bind_box(plan, pass, 2, VKN_RESIDUAL, &boxes, &box);
            vkn_pass_bind_box(plan, pass, 3, VKN_H, &boxes, &box);
            pass->constants.value[VKN_CONSTANT_RESIDUAL] = VKN_ADD_BEFORE;
        }
        vkn_pass_box(plan, pass, slice, &boxes, &box, 0);
        plan->barrier = true;
    }
    if (before) plan->input = VKN_H;
}

// Records of the slice's groups, `fan` neighbours of each part, to `output` at `binding`.
static void add_merge(vkn_plan *plan, const vkn_slice *slice, vkn_operand records, uint64_t parts,
                      vkn_statistics_operand output, bool moments) {
    const vkn_geometry *g = plan->geometry;
    bool ours = records == VKN_RECORDS;
    uint64_t groups = slice->units / g->fan, fan = ours ? g->fan : 1, first = slice->first_unit / g->fan;
    vkn_split split = vkn_split_merge(parts * fan, plan->limits);
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_MERGE_STATS, &split);
    if (!pass) return;
    pass->constants.value[VKN_CONSTANT_VECTOR] = ours; // whole records
    if (parts) vkn_pass_bind(pass, 0, records, ours ? 0 : first, parts * groups * fan, 16);
    vkn_pass_bind(pass, moments ? 2 : 1, output.operand, output.operand >= VKN_RECORDS ? 0 : first, groups, 16);
    if (output.operand >= VKN_RECORDS) vkn_plan_scratch(plan, output.operand, groups * 16);
    pass->push.merge = (struct vkn_merge_push){
        .flags = moments ? VKN_WRITE_MOMENTS : VKN_WRITE_STATISTICS,
        .teams = (uint32_t)groups,
        .parts = (uint32_t)parts,
        .part_stride = (uint32_t)(groups * fan),
        .fan = (uint32_t)fan,
        .fan_stride = 1,
        .width = UINT32_MAX,
        .output_stride = (uint32_t)fan,
        .eps = plan->request.eps,
    };
    vkn_pass_grid(plan, pass, groups, split.lanes);
    plan->barrier = true;
}

vkn_statistics_operand vkn_plan_statistics(vkn_plan *plan, const vkn_slice *slice, bool moments) {
    vkn_statistics_operand s = {moments                              ? VKN_MOMENTS
                                : vkn_plan_has(plan, VKN_STATISTICS) ? VKN_STATISTICS
                                                                     : VKN_SCRATCH_STATISTICS,
                                0};
    if (!moments && vkn_plan_has(plan, VKN_MOMENTS)) {
        add_merge(plan, slice, VKN_MOMENTS, 1, s, false);
        return s;
    }
    uint64_t parts = 0;
    if (plan->geometry->elements) {
        vkn_view view = vkn_view_of(plan->geometry, slice, false);
        vkn_split split = vkn_split_reduce(&view, plan->limits);
        vkn_boxes boxes = vkn_boxes_of(&view, &split, plan->limits);
        parts = vkn_boxes_parts(boxes);
        vkn_plan_records(plan, parts * slice->units, VKN_MOMENTS_BYTES);
        add_stats(plan, slice, boxes, parts);
    }
    add_merge(plan, slice, VKN_RECORDS, parts, s, moments);
    return s;
}
