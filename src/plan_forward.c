// SPDX-License-Identifier: MIT
// Forward:
//   norm_row                         where one team can hold a statistic group's contiguous row
//   stats -> merge_stats -> apply    else; running and num_batches_tracked beside the last
//   apply                            with the running statistics
#include "plan_parts.h"

static bool running_update(const vkn_plan *plan) {
    return plan->request.training && vkn_plan_has(plan, VKN_RUNNING_MEAN_OPERAND);
}

static void add_count(vkn_plan *plan) {
    if (!running_update(plan) || !vkn_plan_has(plan, VKN_BATCHES)) return;
    vkn_split one = {.lanes = 1, .block = 1};
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_COUNT_BATCHES, &one, false);
    if (!pass) return;
    vkn_pass_bind(pass, 0, VKN_BATCHES, 0, 1, 8);
    pass->push.running = (struct vkn_running_push){.channels = 1};
    vkn_pass_grid(plan, pass, 1, 1);
}

// Needs the slice's statistics in `mean` and in scratch VKN_STAT_VAR.
static void add_running(vkn_plan *plan, const vkn_slice *slice, vkn_operand mean) {
    const vkn_geometry *g = plan->geometry;
    vkn_split one = {.lanes = 1, .block = 1};
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_RUNNING, &one, false);
    if (!pass) return;
    bool cumulative = plan->request.momentum < 0;
    uint64_t samples = g->kind == VKN_BATCH ? 1 : g->samples;
    vkn_pass_bind(pass, 0, mean, mean >= VKN_RECORDS ? 0 : slice->first_unit, slice->units, 4);
    vkn_pass_bind(pass, 1, VKN_STAT_VAR, 0, slice->units, 4);
    vkn_pass_bind(pass, 2, VKN_RUNNING_MEAN_OPERAND, slice->first_channel, slice->channels, 4);
    vkn_pass_bind(pass, 3, VKN_RUNNING_VAR_OPERAND, slice->first_channel, slice->channels, 4);
    if (cumulative) vkn_pass_bind(pass, 4, VKN_BATCHES, 0, 1, 8);
    pass->push.running = (struct vkn_running_push){
        .flags = cumulative ? VKN_CUMULATIVE : 0,
        .channels = (uint32_t)slice->channels,
        .samples = (uint32_t)slice->samples,
        .first = slice->first_unit < g->channels,
        .momentum = plan->request.momentum,
        .share = (float)(1.0 / (double)samples),
        .unbias = (float)((double)g->group_size / (double)(g->group_size - 1)),
    };
    vkn_pass_grid(plan, pass, slice->channels, 1);
    plan->barrier = true;
}

// Binds weight and bias of a box: for each element of the run, for each column, or for each channel of the slice.
static uint32_t bind_affine(const vkn_plan *plan, vkn_pass *pass, uint32_t binding, const vkn_slice *slice,
                            const vkn_boxes *boxes, const vkn_box *box) {
    uint64_t first = slice->first_channel, count = slice->channels;
    if (boxes->view.columns || plan->geometry->element_affine) {
        first += box->at[2];
        count = box->count[2];
    }
    uint32_t flags = 0;
    if (vkn_plan_has(plan, VKN_WEIGHT_OPERAND)) {
        vkn_pass_bind(pass, binding, VKN_WEIGHT_OPERAND, first, count, 4);
        flags |= VKN_HAS_WEIGHT;
    }
    if (vkn_plan_has(plan, VKN_BIAS_OPERAND)) {
        vkn_pass_bind(pass, binding + 1, VKN_BIAS_OPERAND, first, count, 4);
        flags |= VKN_HAS_BIAS;
    }
    return flags;
}

static void add_apply(vkn_plan *plan, const vkn_slice *slice, const vkn_statistics_operands *statistics) {
    vkn_view view = vkn_view_of(plan->geometry, slice);
    vkn_split split = vkn_split_apply(&view, plan->limits);
    vkn_boxes boxes = vkn_boxes_of(&view, &split, plan->limits);
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_pass *pass = vkn_plan_add(plan, view.columns ? VKN_SHADER_APPLY_COLUMNS : VKN_SHADER_APPLY_ROWS, &split,
                                      plan->limits->vector);
        if (!pass) return;
        uint64_t span = vkn_box_span(&view, &box);
        vkn_pass_bind(pass, 0, VKN_X, box.first, span, 4);
        vkn_pass_bind(pass, 1, VKN_Y, box.first, span, 4);
        uint32_t flags = statistics->flags | bind_affine(plan, pass, 2, slice, &boxes, &box);
        vkn_pass_bind_statistics(plan, pass, 4, slice, &boxes, &box, statistics);
        if (view.columns) {
            pass->push.columns.flags = flags;
            vkn_pass_columns(plan, pass, slice, &boxes, &box);
        } else {
            pass->push.rows.flags = flags;
            vkn_pass_rows(plan, pass, slice, &boxes, &box);
        }
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
    rows.fan = 1;
    return rows;
}

static void add_norm_row(vkn_plan *plan, const vkn_geometry *rows, const vkn_slice *slice) {
    const vkn_geometry *g = plan->geometry;
    bool on_chip, running = running_update(plan);
    vkn_view view = vkn_view_of(rows, slice);
    vkn_split split = vkn_split_row(rows->run, plan->limits, &on_chip);
    vkn_boxes boxes = vkn_boxes_of(&view, &split, plan->limits);
    vkn_operand mean = vkn_plan_has(plan, VKN_MEAN) ? VKN_MEAN : VKN_STAT_MEAN;
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_NORM_ROW, &split, plan->limits->vector);
        if (!pass) return;
        uint64_t span = vkn_box_span(&view, &box), first = slice->first_unit;
        uint32_t flags = 0;
        vkn_pass_bind(pass, 0, VKN_X, box.first, span, 4);
        vkn_pass_bind(pass, 1, VKN_Y, box.first, span, 4);
        vkn_slice channels = {.first_channel = slice->first_channel * g->fan, .channels = slice->channels * g->fan};
        flags |= bind_affine(plan, pass, 2, &channels, &boxes, &box);
        if (g->centered && (running || mean == VKN_MEAN)) {
            vkn_pass_bind(pass, 4, mean, mean == VKN_MEAN ? first : 0, slice->units, 4);
            flags |= VKN_WRITE_MEAN;
        }
        if (vkn_plan_has(plan, VKN_RSTD)) {
            vkn_pass_bind(pass, 5, VKN_RSTD, first, slice->units, 4);
            flags |= VKN_WRITE_RSTD;
        }
        if (running) {
            vkn_pass_bind(pass, 6, VKN_STAT_VAR, 0, slice->units, 4);
            flags |= VKN_WRITE_VARIANCE;
        }
        pass->push.rows.flags = flags;
        pass->constants.value[VKN_CONSTANT_ON_CHIP] = on_chip;
        if (g->kind == VKN_GROUP) pass->constants.value[VKN_CONSTANT_AFFINE] = VKN_AFFINE_SPAN;
        vkn_pass_rows(plan, pass, slice, &boxes, &box);
        pass->constants.value[VKN_CONSTANT_VECTOR] &= rows->run % 4 == 0;
        pass->push.rows.span = (uint32_t)g->run;
        plan->barrier = true;
    }
    if (!running) return;
    vkn_plan_scratch(plan, VKN_STAT_VAR, slice->units * 4);
    if (mean == VKN_STAT_MEAN) vkn_plan_scratch(plan, VKN_STAT_MEAN, slice->units * 4);
    add_running(plan, slice, mean);
}

static void forward_on_chip(vkn_plan *plan) {
    vkn_geometry rows = whole_groups(plan->geometry);
    uint64_t most = vkn_slice_most(plan, false);
    vkn_slice slice = {0};
    for (;;) {
        vkn_result result = vkn_slice_next(&rows, most, &slice);
        if (result != VKN_OK) plan->result = result;
        if (plan->result != VKN_OK || slice.units == 0) return;
        add_norm_row(plan, &rows, &slice);
    }
}

// ---- All -----------------------------------------------------------------------------------------------------------
vkn_result vkn_plan_forward(vkn_plan *plan, const vkn_geometry *g, const vkn_limits *limits,
                            const vkn_request *request) {
    *plan = (vkn_plan){
        .geometry = g, .limits = limits, .request = *request, .passes = plan->passes, .capacity = plan->capacity};
    if (g->elements == 0) return VKN_OK;
    add_count(plan);
    bool contiguous = !g->columns && g->kind != VKN_BATCH;
    if (contiguous && !request->from_running && vkn_row_pays(g->groups, g->run * g->fan, limits)) {
        forward_on_chip(plan);
        return plan->result;
    }
    uint64_t most = vkn_slice_most(plan, !request->from_running);
    vkn_slice slice = {0};
    for (;;) {
        vkn_result result = vkn_slice_next(g, most, &slice);
        if (result != VKN_OK) plan->result = result;
        if (plan->result != VKN_OK || slice.units == 0) return plan->result;
        vkn_statistics_operands statistics =
            request->from_running ? vkn_running_operands() : vkn_plan_statistics(plan, &slice);
        if (running_update(plan)) {
            add_running(plan, &slice, statistics.mean);
            plan->barrier = false; // apply reads none of what running writes
        }
        add_apply(plan, &slice, &statistics);
    }
}
