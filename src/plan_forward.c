// SPDX-License-Identifier: MIT
// Forward:
//   norm_row                         where one team can hold a statistic group's contiguous row
//   norm_columns                     where each column is a statistic group, of few positions
//   stats -> merge_stats -> apply    else
//   apply                            with the running statistics
// Beside them num_batches_tracked, and the running statistics where norm_row or norm_columns does not update them.
#include "plan_parts.h"

static bool running_update(const vkn_plan *plan) {
    return plan->request.training && vkn_plan_has(plan, VKN_RUNNING_MEAN_OPERAND);
}

// n / (n - 1), which makes the biased variance the unbiased one.
static float unbias_of(const vkn_plan *plan) {
    double n = (double)plan->geometry->group_size;
    return plan->request.biased_running_var ? 1.0f : (float)(n / (n - 1));
}

static void add_count(vkn_plan *plan) {
    if (!running_update(plan) || !vkn_plan_has(plan, VKN_BATCHES)) return;
    vkn_split one = {.lanes = 1, .block = 1};
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_COUNT_BATCHES, &one);
    if (!pass) return;
    vkn_pass_bind(pass, 0, VKN_BATCHES, 0, 1, 8);
    pass->push.running = (struct vkn_running_push){.channels = 1};
    vkn_pass_grid(plan, pass, 1, 1);
}

static void add_running(vkn_plan *plan, const vkn_slice *slice, vkn_operand statistics) {
    const vkn_geometry *g = plan->geometry;
    vkn_split one = {.lanes = 1, .block = 1};
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_RUNNING, &one);
    if (!pass) return;
    const vkn_request *request = &plan->request;
    bool cumulative = request->momentum < 0, moments = vkn_plan_has(plan, VKN_MOMENTS);
    uint64_t samples = g->kind == VKN_BATCH ? 1 : g->samples, first = slice->first_unit;
    vkn_pass_bind(pass, 0, statistics, statistics >= VKN_RECORDS ? 0 : first, slice->units, 16);
    vkn_pass_bind(pass, 1, VKN_RUNNING_MEAN_OPERAND, slice->first_channel, slice->channels, 4);
    vkn_pass_bind(pass, 2, VKN_RUNNING_VAR_OPERAND, slice->first_channel, slice->channels, 4);
    if (cumulative) vkn_pass_bind(pass, 3, VKN_BATCHES, 0, 1, 8);
    if (moments) vkn_pass_bind(pass, 4, VKN_MOMENTS, first, slice->units, 16);
    pass->push.running = (struct vkn_running_push){
        .flags = (cumulative ? VKN_CUMULATIVE : 0u) | (moments ? VKN_HAS_MOMENTS : 0u) |
                 (request->biased_running_var ? VKN_BIASED : 0u),
        .channels = (uint32_t)slice->channels,
        .samples = (uint32_t)slice->samples,
        .first = slice->first_unit < g->channels,
        .momentum = request->momentum,
        .share = (float)(1.0 / (double)(samples ? samples : 1)),
        .unbias = unbias_of(plan),
    };
    vkn_pass_grid(plan, pass, slice->channels, 1);
    plan->barrier = true;
}

// The residual of a pass that gives y: its constant, and the bindings.
static void bind_residual(const vkn_plan *plan, vkn_pass *pass, const vkn_boxes *boxes, const vkn_box *box) {
    bool before = vkn_plan_has(plan, VKN_H);
    if (!vkn_plan_has(plan, VKN_RESIDUAL) || plan->input == VKN_H) return;
    pass->constants.value[VKN_CONSTANT_RESIDUAL] = before ? VKN_ADD_BEFORE : VKN_ADD_AFTER;
    vkn_pass_bind_box(plan, pass, 6, VKN_H, boxes, box);
    vkn_pass_bind_box(plan, pass, 7, VKN_RESIDUAL, boxes, box);
}

static void add_apply(vkn_plan *plan, const vkn_slice *slice, vkn_statistics_operand statistics) {
    bool running = statistics.flags & VKN_STAT_RUNNING, by_sample = vkn_plan_splits_batch(plan);
    vkn_view view = vkn_view_of(plan->geometry, slice, by_sample);
    vkn_split split = vkn_split_apply(&view, plan->limits);
    vkn_boxes boxes = vkn_boxes_of(&view, &split, plan->limits);
    if (by_sample && view.columns) statistics.flags |= VKN_STAT_CHANNEL;
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_pass *pass = vkn_plan_add(plan, view.columns ? VKN_SHADER_APPLY_COLUMNS : VKN_SHADER_APPLY_ROWS, &split);
        if (!pass) return;
        vkn_pass_bind_box(plan, pass, 0, plan->input, &boxes, &box);
        vkn_pass_bind_box(plan, pass, 1, VKN_Y, &boxes, &box);
        bind_residual(plan, pass, &boxes, &box);
        if (running) {
            uint64_t skipped = view.columns ? box.at[2] : 0;
            uint64_t channels = view.columns ? box.count[2] : slice->channels;
            vkn_pass_bind(pass, 4, VKN_RUNNING_MEAN_OPERAND, slice->first_channel + skipped, channels, 4);
            vkn_pass_bind(pass, 5, VKN_RUNNING_VAR_OPERAND, slice->first_channel + skipped, channels, 4);
        } else {
            vkn_pass_bind_groups(plan, pass, 4, statistics.operand, slice, &boxes, &box, statistics.flags);
        }
        vkn_pass_box(plan, pass, slice, &boxes, &box, statistics.flags | vkn_second_pass(plan));
        plan->barrier = true;
    }
}

// ---- One dispatch --------------------------------------------------------------------------------------------------
// Rows of one statistic group each, as a geometry of their own: `fan` channels are one run.
static vkn_geometry whole_groups(const vkn_geometry *g) {
    vkn_geometry rows = *g;
    rows.run = g->run * g->fan;
    rows.channels = g->channels / g->fan;
    rows.units = g->groups;
    rows.unit_weights = g->fan;
    rows.fan = 1;
    return rows;
}

// Each block of a team's words lies in one span of elements with the same weight.
static bool blocks_in_spans(const vkn_pass *pass) {
    const uint32_t *constant = pass->constants.value;
    uint32_t block = constant[VKN_CONSTANT_LANES] * constant[VKN_CONSTANT_BLOCK] * 4;
    return constant[VKN_CONSTANT_VECTOR] && pass->push.rows.affine_span % block == 0;
}

// Whether the pass that has a channel's statistics also updates its running ones.
static bool updates_inside(const vkn_plan *plan) {
    return running_update(plan) && plan->geometry->kind == VKN_BATCH && plan->request.momentum >= 0 &&
           !vkn_plan_has(plan, VKN_H);
}

static void bind_running(const vkn_plan *plan, vkn_pass *pass, const vkn_slice *slice) {
    vkn_pass_bind(pass, 5, VKN_RUNNING_MEAN_OPERAND, slice->first_channel, slice->channels, 4);
    vkn_pass_bind(pass, 6, VKN_RUNNING_VAR_OPERAND, slice->first_channel, slice->channels, 4);
    float momentum = plan->request.momentum, unbias = unbias_of(plan);
    if (plan->geometry->columns) {
        pass->push.columns.momentum = momentum;
        pass->push.columns.unbias = unbias;
    } else {
        pass->push.rows.momentum = momentum;
        pass->push.rows.unbias = unbias;
    }
}

static void add_norm(vkn_plan *plan, const vkn_slice *slice, const vkn_view *view, const vkn_split *split) {
    const vkn_geometry *g = plan->geometry;
    bool inside = updates_inside(plan), running = running_update(plan) && !inside;
    vkn_boxes boxes = vkn_boxes_of(view, split, plan->limits);
    vkn_operand statistics = vkn_plan_has(plan, VKN_STATISTICS) ? VKN_STATISTICS
                             : running                          ? VKN_SCRATCH_STATISTICS
                                                                : VKN_ABSENT;
    uint32_t flags = (statistics ? VKN_WRITE_STATISTICS : 0u) | (inside ? VKN_UPDATE_RUNNING : 0u);
    if (statistics == VKN_SCRATCH_STATISTICS) vkn_plan_scratch(plan, statistics, slice->units * 16);
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_pass *pass = vkn_plan_add(plan, view->columns ? VKN_SHADER_NORM_COLUMNS : VKN_SHADER_NORM_ROW, split);
        if (!pass) return;
        vkn_pass_bind_box(plan, pass, 0, VKN_X, &boxes, &box);
        vkn_pass_bind_box(plan, pass, 1, VKN_Y, &boxes, &box);
        if (statistics) vkn_pass_bind_groups(plan, pass, 4, statistics, slice, &boxes, &box, 0);
        bind_residual(plan, pass, &boxes, &box);
        if (g->unit_weights > 1) pass->constants.value[VKN_CONSTANT_AFFINE] = VKN_AFFINE_SPAN;
        vkn_pass_box(plan, pass, slice, &boxes, &box, flags);
        if (inside) bind_running(plan, pass, slice);
        if (g->unit_weights > 1 && blocks_in_spans(pass)) pass->constants.value[VKN_CONSTANT_AFFINE] = VKN_AFFINE_BLOCK;
        plan->barrier = true;
    }
    if (running) add_running(plan, slice, statistics);
}

static void add_norm_row(vkn_plan *plan, const vkn_slice *slice) {
    vkn_row row = vkn_row_of(plan, slice->units, false);
    vkn_view view = vkn_view_of(plan->geometry, slice, false);
    vkn_split split = vkn_split_row(&row, plan->limits);
    add_norm(plan, slice, &view, &split);
}

// ---- All -----------------------------------------------------------------------------------------------------------
static void forward_streaming(vkn_plan *plan, const vkn_slice *slice) {
    plan->input = VKN_X;
    vkn_view view = vkn_view_of(plan->geometry, slice, false);
    bool known = plan->request.from_running || vkn_plan_has(plan, VKN_MOMENTS);
    if (!known && vkn_columns_pay(plan, &view)) {
        vkn_split split = vkn_split_whole_columns(&view, plan->limits);
        add_norm(plan, slice, &view, &split);
        return;
    }
    vkn_statistics_operand statistics = {VKN_ABSENT, VKN_STAT_RUNNING | VKN_STAT_CHANNEL};
    if (!plan->request.from_running) statistics = vkn_plan_statistics(plan, slice, false);
    if (running_update(plan)) {
        add_running(plan, slice, statistics.operand);
        plan->barrier = false; // apply reads none of what running writes
    }
    if (plan->geometry->elements) add_apply(plan, slice, statistics);
}

// One slice after another, of at most `most` units.
static void each_slice(vkn_plan *plan, uint64_t most, void (*add)(vkn_plan *, const vkn_slice *)) {
    vkn_slice slice = {0};
    for (;;) {
        vkn_result result = vkn_slice_next(plan->geometry, most, &slice);
        if (result != VKN_OK) plan->result = result;
        if (plan->result != VKN_OK || slice.units == 0) return;
        add(plan, &slice);
    }
}

vkn_result vkn_plan_forward(vkn_plan *plan, const vkn_geometry *g, const vkn_limits *limits,
                            const vkn_request *request) {
    vkn_plan_begin(plan, g, limits, request);
    bool moments = vkn_plan_has(plan, VKN_MOMENTS);
    // Moments of others make running statistics even where this rank has no element.
    if (g->elements == 0 && !moments) return VKN_OK;
    add_count(plan);
    vkn_geometry rows = whole_groups(g);
    uint64_t most = vkn_slice_most(plan, false);
    plan->geometry = &rows;
    vkn_row row = vkn_row_of(plan, rows.units, false);
    if (!g->columns && !request->from_running && !moments && !vkn_plan_splits_batch(plan) &&
        vkn_row_pays(&row, limits)) {
        each_slice(plan, most, add_norm_row);
        plan->geometry = g;
    } else {
        plan->geometry = g;
        each_slice(plan, vkn_slice_most(plan, g->elements && !request->from_running), forward_streaming);
    }
    return plan->result;
}

static void add_moments(vkn_plan *plan, const vkn_slice *slice) {
    (void)vkn_plan_statistics(plan, slice, true);
}

vkn_result vkn_plan_moments(vkn_plan *plan, const vkn_geometry *g, const vkn_limits *limits,
                            const vkn_request *request) {
    vkn_plan_begin(plan, g, limits, request);
    each_slice(plan, vkn_slice_most(plan, g->elements != 0), add_moments);
    return plan->result;
}
