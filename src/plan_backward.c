// SPDX-License-Identifier: MIT
// Backward, where each weight belongs to a unit (batch, instance, group):
//   grad_stats -> merge_sums (per group; dweight and dbias) -> grad_apply
//   norm_row_grad -> merge_sums      batch and instance, where a team can hold a unit or read it again from a cache
//   grad_stats -> merge_sums         frozen statistics: dx beside the sums, without dh and dresidual
//   grad_stats -> merge_sums         columns of few positions: dx after the sums, without dresidual
// and where it belongs to a column of [rows][normalized size] (layer, rms, group with one spatial element):
//   norm_row_grad -> merge_sums      dx, dweight and dbias in one sweep: without dresidual and weights per sample
//   grad_stats (columns) -> merge_sums                   else dweight and dbias
//   norm_row_grad, or grad_stats (rows) -> merge_sums -> grad_apply      and dx
// Before them stats -> merge_stats, where forward's statistics are not given, or running_statistics.
// The first pass that reads dy gives dresidual, and those after it read that.
#include "plan_parts.h"

static vkn_statistics_operand running_statistics(vkn_plan *plan, const vkn_slice *slice) {
    vkn_statistics_operand s = {VKN_SCRATCH_STATISTICS, VKN_STAT_CHANNEL};
    vkn_split one = {.lanes = 1, .block = 1};
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_RUNNING_STATISTICS, &one);
    if (!pass) return s;
    vkn_plan_scratch(plan, s.operand, slice->channels * 16);
    vkn_pass_bind(pass, 0, VKN_RUNNING_MEAN_OPERAND, slice->first_channel, slice->channels, 4);
    vkn_pass_bind(pass, 1, VKN_RUNNING_VAR_OPERAND, slice->first_channel, slice->channels, 4);
    vkn_pass_bind(pass, 2, s.operand, 0, slice->channels, 16);
    pass->push.running = (struct vkn_running_push){.channels = (uint32_t)slice->channels, .eps = plan->request.eps};
    vkn_pass_grid(plan, pass, slice->channels, 1);
    plan->barrier = true;
    return s;
}

static vkn_statistics_operand statistics_for(vkn_plan *plan, const vkn_slice *slice) {
    if (plan->request.from_running) return running_statistics(plan, slice);
    vkn_statistics_operand s = {VKN_STATISTICS, 0};
    if (!vkn_plan_has(plan, VKN_STATISTICS)) s = vkn_plan_statistics(plan, slice, false);
    if (vkn_plan_splits_batch(plan) && plan->geometry->columns) s.flags = VKN_STAT_CHANNEL;
    return s;
}

// ---- dx ----------------------------------------------------------------------------------------------------------
static void add_grad_apply(vkn_plan *plan, const vkn_slice *slice, const vkn_statistics_operand *statistics,
                           vkn_operand sums) {
    bool frozen = plan->request.from_running;
    vkn_view view = vkn_view_of(plan->geometry, slice, vkn_plan_splits_batch(plan));
    vkn_split split = vkn_split_apply(&view, plan->limits);
    vkn_boxes boxes = vkn_boxes_of(&view, &split, plan->limits);
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_shader shader = view.columns ? VKN_SHADER_GRAD_APPLY_COLUMNS : VKN_SHADER_GRAD_APPLY_ROWS;
        vkn_pass *pass = vkn_plan_add(plan, shader, &split);
        if (!pass) return;
        pass->constants.value[VKN_CONSTANT_DX] = frozen ? VKN_DX_FROZEN : VKN_DX_NONE;
        vkn_pass_bind_box(plan, pass, 0, VKN_X, &boxes, &box);
        vkn_pass_gradient(plan, pass, &boxes, &box, 7);
        vkn_pass_bind_groups(plan, pass, 4, statistics->operand, slice, &boxes, &box, statistics->flags);
        vkn_pass_bind_dh(plan, pass, &boxes, &box);
        vkn_pass_bind_box(plan, pass, 6, VKN_DX, &boxes, &box);
        if (!frozen) vkn_pass_bind_groups(plan, pass, 7, sums, slice, &boxes, &box, statistics->flags);
        vkn_pass_box(plan, pass, slice, &boxes, &box, statistics->flags | vkn_second_pass(plan));
        plan->barrier = true;
    }
}

// Parts of the sums of each element that a team gives: one, or where rows are too wide for registers one for each set
// of them that shares its loads.
static uint64_t parts_of_team(const vkn_split *split) {
    return split->rows ? split->unit_step / split->rows : 1;
}

// The same of a box of so many rows, whose teams may be added in workgroups.
static uint64_t parts_of_box(const vkn_split *split, uint64_t rows) {
    uint64_t teams = vkn_ceil_div(rows, split->unit_step);
    return vkn_ceil_div(teams, vkn_most(split->added, 1)) * parts_of_team(split);
}

// And over all boxes.
static uint64_t parts_of_rows(const vkn_boxes *boxes) {
    uint64_t last = boxes->view.count[1] - (boxes->number[1] - 1) * boxes->step[1];
    return (boxes->number[1] - 1) * parts_of_box(&boxes->split, boxes->step[1]) + parts_of_box(&boxes->split, last);
}

// Rows of a slice that a team can hold.
static vkn_boxes boxes_of_rows(const vkn_plan *plan, const vkn_slice *slice) {
    vkn_view view = vkn_view_of(plan->geometry, slice, false);
    vkn_row row = vkn_row_of(plan, slice->units, true);
    vkn_split split = vkn_split_row(&row, plan->limits);
    return vkn_boxes_of(&view, &split, plan->limits);
}

// dx of rows that a team can hold, and the records of the sums: of each unit, or of each element of a team's rows.
// Gives the number of their parts.
static uint64_t add_norm_row_grad(vkn_plan *plan, const vkn_slice *slice, const vkn_statistics_operand *statistics,
                                  bool records) {
    bool elements = records && plan->geometry->element_affine;
    vkn_boxes boxes = boxes_of_rows(plan, slice);
    uint64_t first_part = 0, parts = elements ? parts_of_rows(&boxes) : 1;
    uint64_t each = elements ? plan->geometry->run : slice->units;
    uint32_t sums = !elements ? VKN_SUMS_NONE : boxes.split.added > 1 ? VKN_SUMS_WORKGROUP : VKN_SUMS_TEAM;
    if (records) vkn_plan_records(plan, parts * each, VKN_SUMS_BYTES);
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_NORM_ROW_GRAD, &boxes.split);
        if (!pass) return parts;
        vkn_pass_bind_box(plan, pass, 0, VKN_X, &boxes, &box);
        vkn_pass_gradient(plan, pass, &boxes, &box, 7);
        vkn_pass_bind_groups(plan, pass, 4, statistics->operand, slice, &boxes, &box, 0);
        vkn_pass_bind_dh(plan, pass, &boxes, &box);
        vkn_pass_bind_box(plan, pass, 6, VKN_DX, &boxes, &box);
        if (records) vkn_pass_bind(pass, 7, VKN_RECORDS, 0, parts * each, VKN_SUMS_BYTES);
        pass->constants.value[VKN_CONSTANT_SUMS] = sums;
        vkn_pass_box(plan, pass, slice, &boxes, &box, records && !elements ? VKN_WRITE_SUMS : 0);
        if (elements) pass->push.rows.record_first = (uint32_t)(first_part * each);
        first_part += parts_of_box(&boxes.split, box.count[1]);
        plan->barrier = true;
    }
    return parts;
}

// ---- One slice ---------------------------------------------------------------------------------------------------
// What is left where the sums are known, or not needed.
static void finish(vkn_plan *plan, const vkn_slice *slice, const vkn_statistics_operand *statistics, vkn_operand sums) {
    plan->barrier = plan->barrier || !plan->request.from_running;
    if (vkn_plan_has(plan, VKN_DX)) add_grad_apply(plan, slice, statistics, sums);
    plan->barrier = true;
}

// The sums of the slice's statistic groups, and where units have a weight dweight and dbias.
static void add_sums(vkn_plan *plan, const vkn_slice *slice, const vkn_view *view,
                     const vkn_statistics_operand *statistics, bool affine, bool groups, uint32_t dx) {
    const vkn_geometry *g = plan->geometry;
    uint64_t parts = vkn_plan_sum_records(plan, slice, view, statistics, dx);
    vkn_plan_gradient_done(plan);
    // Slices after the first add to it, where all samples share a weight.
    bool again = g->kind != VKN_BATCH && !plan->request.per_sample && slice->first_unit >= g->channels;
    if (affine) vkn_plan_affine_gradients(plan, slice, view, parts, plan->request.accumulate || again);
    if (groups) vkn_plan_group_sums(plan, slice, view, parts);
}

static void backward_by_unit(vkn_plan *plan, const vkn_slice *slice, bool row_pays, bool sums_only) {
    const vkn_geometry *g = plan->geometry;
    vkn_statistics_operand statistics = statistics_for(plan, slice);
    bool frozen = plan->request.from_running, dx = vkn_plan_has(plan, VKN_DX) && !sums_only;
    bool affine = vkn_plan_wants_affine(plan), dresidual = vkn_plan_has(plan, VKN_DRESIDUAL);
    vkn_view view = vkn_view_of(g, slice, vkn_plan_splits_batch(plan));
    if (row_pays && dx && !frozen && !(affine && dresidual)) {
        add_norm_row_grad(plan, slice, &statistics, affine);
        bool again = !plan->request.per_sample && slice->first_unit >= g->channels;
        if (affine) vkn_plan_affine_gradients(plan, slice, &view, 1, plan->request.accumulate || again);
        plan->barrier = true;
        return;
    }
    uint32_t with_dx = VKN_DX_NONE;
    if (frozen && dx && affine && !dresidual && !vkn_plan_has(plan, VKN_DH)) with_dx = VKN_DX_BESIDE;
    if (!frozen && dx && !dresidual && vkn_columns_pay(plan, &view)) with_dx = VKN_DX_AFTER;
    bool groups = sums_only || (dx && !frozen && !with_dx);
    if (affine || groups || with_dx || (dresidual && !dx))
        add_sums(plan, slice, &view, &statistics, affine, groups, with_dx);
    if (sums_only || with_dx)
        plan->barrier = true;
    else
        finish(plan, slice, &statistics, VKN_SCRATCH_SUMS);
}

// dweight and dbias: columns of the slice's rows, as many at once as records have room.
static void add_columns_affine(vkn_plan *plan, const vkn_slice *slice, const vkn_statistics_operand *statistics) {
    const vkn_geometry *g = plan->geometry;
    bool by_sample = plan->request.per_sample;
    uint64_t room = vkn_record_room(plan->limits), columns = vkn_least(g->run, room);
    vkn_view view = vkn_view_rows_as_columns(g, slice, 0, columns, by_sample);
    vkn_split split = vkn_split_reduce(&view, plan->limits);
    while (columns > 4 && vkn_boxes_parts(vkn_boxes_of(&view, &split, plan->limits)) * columns * view.count[0] > room) {
        columns = columns / 8 * 4;
        view = vkn_view_rows_as_columns(g, slice, 0, columns, by_sample);
        split = vkn_split_reduce(&view, plan->limits);
    }
    bool again = by_sample ? slice->first_unit % g->sample_rows > 0 : slice->first_unit >= g->weight_rows;
    for (uint64_t first = 0; first < g->run; first += columns) {
        view = vkn_view_rows_as_columns(g, slice, first, vkn_least(columns, g->run - first), by_sample);
        uint64_t parts = vkn_plan_sum_records(plan, slice, &view, statistics, VKN_DX_NONE);
        vkn_plan_affine_gradients(plan, slice, &view, parts, plan->request.accumulate || again);
        plan->barrier = first + columns < g->run;
    }
    vkn_plan_gradient_done(plan);
}

// dx, dweight and dbias of layer and rms in one sweep: a team keeps the sums of each element in registers.
static bool fuses_element_sums(const vkn_plan *plan, const vkn_slice *slice, bool row_pays) {
    vkn_boxes boxes = boxes_of_rows(plan, slice);
    return row_pays && (boxes.split.on_chip || boxes.split.rows) && !plan->request.per_sample &&
           plan->geometry->weight_rows == 1 && !vkn_plan_has(plan, VKN_DRESIDUAL) &&
           parts_of_rows(&boxes) * plan->geometry->run <= vkn_record_room(plan->limits);
}

static void backward_by_element(vkn_plan *plan, const vkn_slice *slice, bool row_pays, bool sums_only) {
    vkn_statistics_operand statistics = statistics_for(plan, slice);
    bool dx = vkn_plan_has(plan, VKN_DX) && !sums_only, affine = vkn_plan_wants_affine(plan);
    bool dresidual = vkn_plan_has(plan, VKN_DRESIDUAL);
    if (affine && dx && fuses_element_sums(plan, slice, row_pays)) {
        const vkn_geometry *g = plan->geometry;
        uint64_t parts = add_norm_row_grad(plan, slice, &statistics, true);
        vkn_view view = vkn_view_rows_as_columns(g, slice, 0, g->run, false);
        vkn_plan_affine_gradients(plan, slice, &view, parts, plan->request.accumulate || slice->first_unit > 0);
        plan->barrier = true;
        return;
    }
    // Before dx, which may be written over x or dy; dx then runs beside the merge.
    if (affine) add_columns_affine(plan, slice, &statistics);
    if (dx && row_pays) {
        add_norm_row_grad(plan, slice, &statistics, false);
    } else if (dx || sums_only || (dresidual && !affine)) {
        plan->barrier = plan->barrier || affine; // records are used again
        vkn_view view = vkn_view_of(plan->geometry, slice, false);
        add_sums(plan, slice, &view, &statistics, false, dx || sums_only, VKN_DX_NONE);
        if (!sums_only) finish(plan, slice, &statistics, VKN_SCRATCH_SUMS);
    }
    plan->barrier = true;
}

static vkn_result plan_slices(vkn_plan *plan, bool sums_only) {
    const vkn_geometry *g = plan->geometry;
    bool merged = !sums_only && vkn_plan_has(plan, VKN_SUMS);
    vkn_row row = vkn_row_of(plan, g->units, true);
    bool row_pays = g->fan == 1 && !g->columns && !vkn_plan_splits_batch(plan) && vkn_row_pays(&row, plan->limits);
    uint64_t most = vkn_slice_most(plan, true);
    if (g->element_affine && row_pays) // what the sums of each element of so many rows have room for
        most = vkn_least(most, vkn_most(VKN_MOST_RECORDS / g->run, 1) * VKN_MOST_ROWS);
    vkn_slice slice = {0};
    for (;;) {
        vkn_result result = vkn_slice_next(g, most, &slice);
        if (result != VKN_OK) plan->result = result;
        if (plan->result != VKN_OK || slice.units == 0) return plan->result;
        plan->gradient = VKN_DY;
        if (merged) {
            vkn_plan_gradient_done(plan); // by the first half
            vkn_statistics_operand statistics = statistics_for(plan, &slice);
            finish(plan, &slice, &statistics, VKN_SUMS);
        } else if (g->element_affine) {
            backward_by_element(plan, &slice, row_pays, sums_only);
        } else {
            backward_by_unit(plan, &slice, row_pays, sums_only);
        }
    }
}

vkn_result vkn_plan_backward(vkn_plan *plan, const vkn_geometry *g, const vkn_limits *limits,
                             const vkn_request *request) {
    vkn_plan_begin(plan, g, limits, request);
    if (g->elements) return plan_slices(plan, false);
    if (!vkn_plan_has(plan, VKN_SUMS)) vkn_plan_zero_affine_gradients(plan);
    return plan->result;
}

// No element: sums of nothing, of each group.
static void add_empty_sums(vkn_plan *plan) {
    const vkn_geometry *g = plan->geometry;
    vkn_slice slice = {0};
    while (plan->result == VKN_OK) {
        vkn_result result = vkn_slice_next(g, vkn_slice_most(plan, false), &slice);
        if (result != VKN_OK) plan->result = result;
        if (plan->result != VKN_OK || slice.units == 0) return;
        vkn_view view = {0};
        vkn_plan_group_sums(plan, &slice, &view, 0);
    }
}

vkn_result vkn_plan_sums(vkn_plan *plan, const vkn_geometry *g, const vkn_limits *limits, const vkn_request *request) {
    vkn_plan_begin(plan, g, limits, request);
    if (g->elements) return plan_slices(plan, true);
    vkn_plan_zero_affine_gradients(plan);
    add_empty_sums(plan);
    return plan->result;
}
