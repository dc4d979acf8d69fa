// SPDX-License-Identifier: MIT
// Backward, where each weight belongs to a unit (batch, instance, group):
//   grad_stats -> merge_sums (per group; dweight and dbias) -> grad_apply
//   norm_row_grad -> merge_sums      instance norm, where one team can hold a row: dx and its sums in one dispatch
// and where it belongs to a column of [rows][normalized size] (layer, rms):
//   grad_stats (columns) -> merge_sums                   dweight and dbias
//   norm_row_grad, or grad_stats (rows) -> merge_sums -> grad_apply      dx
// Before them stats -> merge_stats, where forward's statistics are not given.
#include "plan_parts.h"

static bool wants_affine(const vkn_plan *plan) {
    return vkn_plan_has(plan, VKN_DWEIGHT) || vkn_plan_has(plan, VKN_DBIAS);
}

static vkn_statistics_operands statistics_for(vkn_plan *plan, const vkn_slice *slice) {
    if (plan->request.from_running) return vkn_running_operands();
    bool saved = vkn_plan_has(plan, VKN_RSTD) && (vkn_plan_has(plan, VKN_MEAN) || !plan->geometry->centered);
    if (saved) return (vkn_statistics_operands){VKN_MEAN, VKN_RSTD, 0};
    return vkn_plan_statistics(plan, slice);
}

static void bind_weight(const vkn_plan *plan, vkn_pass *pass, uint32_t binding, const vkn_slice *slice,
                        const vkn_boxes *boxes, const vkn_box *box, uint32_t *flags) {
    if (!vkn_plan_has(plan, VKN_WEIGHT_OPERAND)) return;
    bool along_run = boxes->view.columns || plan->geometry->element_affine;
    vkn_pass_bind(pass, binding, VKN_WEIGHT_OPERAND, slice->first_channel + (along_run ? box->at[2] : 0),
                  along_run ? box->count[2] : slice->channels, 4);
    *flags |= VKN_HAS_WEIGHT;
}

static void set_push(vkn_plan *plan, vkn_pass *pass, const vkn_slice *slice, const vkn_boxes *boxes, const vkn_box *box,
                     uint32_t flags) {
    if (boxes->view.columns) {
        pass->push.columns.flags = flags;
        vkn_pass_columns(plan, pass, slice, boxes, box);
    } else {
        pass->push.rows.flags = flags;
        vkn_pass_rows(plan, pass, slice, boxes, box);
    }
}

// ---- Sums ----------------------------------------------------------------------------------------------------------
// Records of the sums of the view's units; gives the number of parts.
static uint64_t add_sums(vkn_plan *plan, const vkn_slice *slice, const vkn_view *view,
                         const vkn_statistics_operands *statistics) {
    bool by_position = view->columns && plan->geometry->element_affine;
    uint64_t units = by_position ? view->count[2] : slice->units;
    vkn_split split = vkn_split_reduce(view, plan->limits);
    vkn_boxes boxes = vkn_boxes_of(view, &split, plan->limits);
    uint64_t parts = vkn_boxes_parts(boxes);
    vkn_plan_records(plan, parts * units);
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_shader shader = view->columns ? VKN_SHADER_GRAD_STATS_COLUMNS : VKN_SHADER_GRAD_STATS_ROWS;
        vkn_pass *pass = vkn_plan_add(plan, shader, &split, plan->limits->vector);
        if (!pass) return parts;
        uint64_t span = vkn_box_span(view, &box);
        uint32_t flags = statistics->flags | (by_position ? VKN_STAT_POSITION : 0u);
        vkn_pass_bind(pass, 0, VKN_X, box.first, span, 4);
        vkn_pass_bind(pass, 1, VKN_DY, box.first, span, 4);
        if (!view->columns && plan->geometry->element_affine) bind_weight(plan, pass, 2, slice, &boxes, &box, &flags);
        vkn_pass_bind_statistics(plan, pass, view->columns ? 2 : 3, slice, &boxes, &box, statistics);
        vkn_pass_bind(pass, view->columns ? 5 : 6, VKN_RECORDS, 0, parts * units, 16);
        set_push(plan, pass, slice, &boxes, &box, flags);
        plan->barrier = true;
    }
    return parts;
}

// dweight and dbias of `outputs` features from `first` on: each the sum of `fan` records, `outputs` apart, of each
// part.
static void add_affine_merge(vkn_plan *plan, uint64_t parts, uint64_t fan, uint64_t first, uint64_t outputs,
                             bool accumulate) {
    vkn_split split = vkn_split_merge(parts * fan, plan->limits);
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_MERGE_SUMS, &split, false);
    if (!pass) return;
    uint32_t flags = accumulate ? VKN_ACCUMULATE : 0;
    if (parts) vkn_pass_bind(pass, 0, VKN_RECORDS, 0, parts * fan * outputs, 16);
    if (vkn_plan_has(plan, VKN_DBIAS)) {
        vkn_pass_bind(pass, 2, VKN_DBIAS, first, outputs, 4);
        flags |= VKN_WRITE_FIRST;
    }
    if (vkn_plan_has(plan, VKN_DWEIGHT)) {
        vkn_pass_bind(pass, 3, VKN_DWEIGHT, first, outputs, 4);
        flags |= VKN_WRITE_SECOND;
    }
    pass->push.merge = (struct vkn_merge_push){
        .flags = flags,
        .teams = (uint32_t)outputs,
        .parts = (uint32_t)parts,
        .part_stride = (uint32_t)(fan * outputs),
        .fan = (uint32_t)fan,
        .fan_stride = (uint32_t)outputs,
        .output_stride = 1,
        .period = 1,
    };
    vkn_pass_grid(plan, pass, outputs, split.lanes);
}

// The two sums of each statistic group: of its units' records, each times its weight where units have one.
static void add_group_merge(vkn_plan *plan, const vkn_slice *slice, uint64_t parts) {
    const vkn_geometry *g = plan->geometry;
    uint64_t groups = slice->units / g->fan;
    vkn_split split = vkn_split_merge(parts * g->fan, plan->limits);
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_MERGE_SUMS, &split, false);
    if (!pass) return;
    bool weighted = vkn_plan_has(plan, VKN_WEIGHT_OPERAND) && !g->element_affine;
    vkn_pass_bind(pass, 0, VKN_RECORDS, 0, parts * slice->units, 16);
    if (weighted) vkn_pass_bind(pass, 1, VKN_WEIGHT_OPERAND, slice->first_channel, slice->channels, 4);
    vkn_pass_bind(pass, 4, VKN_GROUP_SUMS, 0, groups, 8);
    vkn_plan_scratch(plan, VKN_GROUP_SUMS, groups * 8);
    pass->push.merge = (struct vkn_merge_push){
        .flags = VKN_WRITE_SUMS | (weighted ? VKN_HAS_WEIGHT : 0u),
        .teams = (uint32_t)groups,
        .parts = (uint32_t)parts,
        .part_stride = (uint32_t)slice->units,
        .fan = (uint32_t)g->fan,
        .fan_stride = 1,
        .output_stride = (uint32_t)g->fan,
        .period = (uint32_t)(slice->channels / g->fan),
    };
    vkn_pass_grid(plan, pass, groups, split.lanes);
}

// ---- dx ------------------------------------------------------------------------------------------------------------
static void add_grad_apply(vkn_plan *plan, const vkn_slice *slice, const vkn_statistics_operands *statistics) {
    bool frozen = plan->request.from_running;
    vkn_view view = vkn_view_of(plan->geometry, slice);
    vkn_split split = vkn_split_apply(&view, plan->limits);
    vkn_boxes boxes = vkn_boxes_of(&view, &split, plan->limits);
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_shader shader = view.columns ? VKN_SHADER_GRAD_APPLY_COLUMNS : VKN_SHADER_GRAD_APPLY_ROWS;
        vkn_pass *pass = vkn_plan_add(plan, shader, &split, plan->limits->vector);
        if (!pass) return;
        uint64_t span = vkn_box_span(&view, &box);
        uint32_t flags = statistics->flags | (frozen ? VKN_FROZEN : 0u);
        if (!frozen) vkn_pass_bind(pass, 0, VKN_X, box.first, span, 4);
        vkn_pass_bind(pass, 1, VKN_DY, box.first, span, 4);
        vkn_pass_bind(pass, 2, VKN_DX, box.first, span, 4);
        bind_weight(plan, pass, 3, slice, &boxes, &box, &flags);
        vkn_pass_bind_statistics(plan, pass, 4, slice, &boxes, &box, statistics);
        if (!frozen) vkn_pass_bind(pass, 7, VKN_GROUP_SUMS, 0, slice->units / plan->geometry->fan, 8);
        set_push(plan, pass, slice, &boxes, &box, flags);
        plan->barrier = true;
    }
}

// dx of rows that a team can hold, and where units have a weight the records of their sums.
static void add_norm_row_grad(vkn_plan *plan, const vkn_slice *slice, const vkn_statistics_operands *statistics,
                              bool records) {
    bool on_chip;
    vkn_view view = vkn_view_of(plan->geometry, slice);
    vkn_split split = vkn_split_row(plan->geometry->run, plan->limits, &on_chip);
    vkn_boxes boxes = vkn_boxes_of(&view, &split, plan->limits);
    if (records) vkn_plan_records(plan, slice->units);
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_NORM_ROW_GRAD, &split, plan->limits->vector);
        if (!pass) return;
        uint64_t span = vkn_box_span(&view, &box);
        uint32_t flags = statistics->flags | (records ? VKN_WRITE_SUMS : 0u);
        vkn_pass_bind(pass, 0, VKN_X, box.first, span, 4);
        vkn_pass_bind(pass, 1, VKN_DY, box.first, span, 4);
        vkn_pass_bind(pass, 2, VKN_DX, box.first, span, 4);
        bind_weight(plan, pass, 3, slice, &boxes, &box, &flags);
        vkn_pass_bind_statistics(plan, pass, 4, slice, &boxes, &box, statistics);
        if (records) vkn_pass_bind(pass, 7, VKN_RECORDS, 0, slice->units, 16);
        pass->constants.value[VKN_CONSTANT_ON_CHIP] = on_chip;
        set_push(plan, pass, slice, &boxes, &box, flags);
        plan->barrier = true;
    }
}

// ---- One slice -----------------------------------------------------------------------------------------------------
static void backward_by_unit(vkn_plan *plan, const vkn_slice *slice, bool row_pays) {
    const vkn_geometry *g = plan->geometry;
    vkn_statistics_operands statistics = statistics_for(plan, slice);
    bool frozen = plan->request.from_running, dx = vkn_plan_has(plan, VKN_DX), affine = wants_affine(plan);
    bool accumulate = plan->request.accumulate || (g->kind != VKN_BATCH && slice->first_unit >= g->channels);
    if (row_pays && dx && !frozen) {
        add_norm_row_grad(plan, slice, &statistics, affine);
        if (affine) add_affine_merge(plan, 1, slice->samples, slice->first_channel, slice->channels, accumulate);
        plan->barrier = true;
        return;
    }
    if (affine || (dx && !frozen)) {
        vkn_view view = vkn_view_of(g, slice);
        uint64_t parts = add_sums(plan, slice, &view, &statistics);
        if (affine) add_affine_merge(plan, parts, slice->samples, slice->first_channel, slice->channels, accumulate);
        if (dx && !frozen) {
            add_group_merge(plan, slice, parts);
            plan->barrier = true;
        }
    }
    if (dx) add_grad_apply(plan, slice, &statistics);
    plan->barrier = true;
}

// dweight and dbias: columns of the slice's rows, as many at once as records have room.
static void add_columns_affine(vkn_plan *plan, const vkn_slice *slice, const vkn_statistics_operands *statistics) {
    const vkn_geometry *g = plan->geometry;
    uint64_t room = vkn_least(plan->limits->binding_elements / 4, VKN_MOST_RECORDS), columns = vkn_least(g->run, room);
    vkn_view view = vkn_view_rows_as_columns(g, slice, 0, columns);
    vkn_split split = vkn_split_reduce(&view, plan->limits);
    while (columns > 4 && vkn_boxes_parts(vkn_boxes_of(&view, &split, plan->limits)) * columns > room) {
        columns = columns / 8 * 4;
        view = vkn_view_rows_as_columns(g, slice, 0, columns);
        split = vkn_split_reduce(&view, plan->limits);
    }
    for (uint64_t first = 0; first < g->run; first += columns) {
        uint64_t count = vkn_least(columns, g->run - first);
        view = vkn_view_rows_as_columns(g, slice, first, count);
        uint64_t parts = add_sums(plan, slice, &view, statistics);
        add_affine_merge(plan, parts, 1, first, count, plan->request.accumulate || slice->first_unit > 0);
        plan->barrier = first + columns < g->run;
    }
}

static void backward_by_element(vkn_plan *plan, const vkn_slice *slice, bool row_pays) {
    vkn_statistics_operands statistics = statistics_for(plan, slice);
    // Before dx, which may be written over x or dy; dx then runs beside the merge.
    if (wants_affine(plan)) add_columns_affine(plan, slice, &statistics);
    if (vkn_plan_has(plan, VKN_DX) && row_pays) {
        add_norm_row_grad(plan, slice, &statistics, false);
    } else if (vkn_plan_has(plan, VKN_DX)) {
        plan->barrier = plan->barrier || wants_affine(plan); // records are used again
        vkn_view view = vkn_view_of(plan->geometry, slice);
        uint64_t parts = add_sums(plan, slice, &view, &statistics);
        add_group_merge(plan, slice, parts);
        plan->barrier = true;
        add_grad_apply(plan, slice, &statistics);
    }
    plan->barrier = true;
}

static void zero_affine(vkn_plan *plan) {
    const vkn_geometry *g = plan->geometry;
    if (!wants_affine(plan) || plan->request.accumulate) return;
    uint64_t room = plan->limits->binding_elements;
    for (uint64_t first = 0; first < g->features; first += room)
        add_affine_merge(plan, 0, 1, first, vkn_least(room, g->features - first), false);
}

vkn_result vkn_plan_backward(vkn_plan *plan, const vkn_geometry *g, const vkn_limits *limits,
                             const vkn_request *request) {
    *plan = (vkn_plan){
        .geometry = g, .limits = limits, .request = *request, .passes = plan->passes, .capacity = plan->capacity};
    if (g->elements == 0) {
        zero_affine(plan);
        return plan->result;
    }
    bool contiguous = g->kind == VKN_INSTANCE || g->element_affine;
    bool row_pays = contiguous && !g->columns && vkn_row_pays(g->units, g->run, limits);
    uint64_t most = vkn_slice_most(plan, true);
    vkn_slice slice = {0};
    for (;;) {
        vkn_result result = vkn_slice_next(g, most, &slice);
        if (result != VKN_OK) plan->result = result;
        if (plan->result != VKN_OK || slice.units == 0) return plan->result;
        if (g->element_affine)
            backward_by_element(plan, &slice, row_pays);
        else
            backward_by_unit(plan, &slice, row_pays);
    }
}
