// SPDX-License-Identifier: MIT
// Statistics of a slice from x: stats -> merge_stats.
#include "plan_parts.h"

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
