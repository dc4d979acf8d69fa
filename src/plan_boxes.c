// SPDX-License-Identifier: MIT
// Views, boxes, and how many lanes and parts: the arithmetic below the plans.
#include "plan_parts.h"

// A lane adds at most this many blocks one after another before partial results are merged as a tree.
enum { LONGEST_CHAIN = 512 };
// The same for records that are merged.
enum { LONGEST_MERGE = 4096 };

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t ceil_div(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

static uint64_t power_of_two(uint64_t at_least) {
    uint64_t power = 1;
    while (power < at_least)
        power *= 2;
    return power;
}

// ---- Views and boxes -----------------------------------------------------------------------------------------------
vkn_view vkn_view_of(const vkn_geometry *g, const vkn_slice *slice) {
    vkn_view view = {.columns = g->columns};
    uint64_t plane = g->channels * g->run;
    if (!g->columns) {
        view.first = slice->first_unit * g->run;
        view.count[0] = g->outer;
        view.count[1] = slice->units;
        view.count[2] = g->run;
        view.stride[0] = plane;
        view.stride[1] = g->run;
        return view;
    }
    bool batch = g->kind == VKN_BATCH;
    uint64_t sample = batch ? 0 : slice->first_unit / g->channels;
    view.first = sample * plane + slice->first_channel;
    view.count[0] = batch ? 1 : slice->units / slice->channels;
    view.count[1] = batch ? g->samples * g->run : g->run;
    view.count[2] = slice->channels;
    view.stride[0] = plane;
    view.stride[1] = g->channels;
    return view;
}

vkn_view vkn_view_rows_as_columns(const vkn_geometry *g, const vkn_slice *slice, uint64_t first_column,
                                  uint64_t columns) {
    return (vkn_view){.columns = true,
                      .first = slice->first_unit * g->run + first_column,
                      .count = {1, slice->units, columns},
                      .stride = {slice->units * g->run, g->run}};
}

uint64_t vkn_box_span(const vkn_view *view, const vkn_box *box) {
    return (box->count[0] - 1) * view->stride[0] + (box->count[1] - 1) * view->stride[1] + box->count[2];
}

vkn_boxes vkn_boxes_of(const vkn_view *view, const vkn_split *split, const vkn_limits *limits) {
    vkn_boxes boxes = {.view = *view, .split = *split};
    uint64_t room = limits->binding_elements;
    const uint64_t *count = view->count, *stride = view->stride;
    uint64_t *step = boxes.step;
    // A cut run stays a multiple of 64 elements, so that the next box begins as aligned as this one.
    step[2] = count[2] <= room ? count[2] : room / 64 * 64;
    step[1] = step[2] < count[2] ? 1 : least(count[1], (room - step[2]) / stride[1] + 1);
    uint64_t plane = (step[1] - 1) * stride[1] + step[2];
    step[0] = step[2] < count[2] || step[1] < count[1] ? 1 : least(count[0], (room - plane) / stride[0] + 1);
    for (int axis = 0; axis < 3; ++axis)
        boxes.number[axis] = ceil_div(count[axis], step[axis]);
    return boxes;
}

static uint64_t parts_of(const vkn_boxes *boxes, const vkn_box *box) {
    // A box has the share of the view's parts that it has of its positions.
    if (boxes->view.columns)
        return least(ceil_div(boxes->split.parts * box->count[1], boxes->view.count[1]), box->count[1]);
    return ceil_div(box->count[0], boxes->split.outer_step) * ceil_div(box->count[2], boxes->split.run_step);
}

// The axes that units lie on are the slowest, so that each unit sees the same sequence of parts.
bool vkn_boxes_next(vkn_boxes *boxes, vkn_box *box) {
    static const int orders[2][3] = {{1, 0, 2}, {0, 2, 1}};
    const int *order = orders[boxes->view.columns];
    uint64_t index = boxes->next, total = boxes->number[0] * boxes->number[1] * boxes->number[2];
    if (index >= total) return false;
    uint64_t reduced = boxes->number[order[2]];
    if (!boxes->view.columns) reduced *= boxes->number[0];
    if (index % reduced == 0) boxes->part = 0;
    *box = (vkn_box){.first = boxes->view.first, .part = boxes->part};
    for (int i = 2; i >= 0; --i) {
        int axis = order[i];
        box->at[axis] = index % boxes->number[axis] * boxes->step[axis];
        box->count[axis] = least(boxes->step[axis], boxes->view.count[axis] - box->at[axis]);
        index /= boxes->number[axis];
    }
    box->first += box->at[0] * boxes->view.stride[0] + box->at[1] * boxes->view.stride[1] + box->at[2];
    box->parts = parts_of(boxes, box);
    boxes->part += box->parts;
    ++boxes->next;
    return true;
}

uint64_t vkn_boxes_parts(vkn_boxes boxes) {
    vkn_box box;
    uint64_t parts = 0;
    while (vkn_boxes_next(&boxes, &box)) {
        if (boxes.next > 1 && box.part == 0) break;
        parts = box.part + box.parts;
    }
    return parts;
}

// ---- Lanes and parts -----------------------------------------------------------------------------------------------
// As many lanes as leave each a few words; more than a subgroup only where a subgroup's registers are too few.
static uint32_t lanes_for(uint64_t words, const vkn_limits *limits) {
    if (limits->lanes_forced) return limits->lanes;
    uint64_t lanes = power_of_two(ceil_div(words, 4));
    if (words <= (uint64_t)limits->subgroup * 8) lanes = least(lanes, limits->subgroup);
    return (uint32_t)least(lanes, limits->lanes);
}

vkn_split vkn_split_row(uint64_t elements, const vkn_limits *limits, bool *fits) {
    uint64_t words = ceil_div(elements, 4);
    vkn_split split = {.lanes = lanes_for(words, limits), .outer_step = 1, .run_step = (words ? words : 1) * 4};
    uint64_t held = ceil_div(words, split.lanes);
    // A single lane would hold a whole row: reading it again from the cache is cheaper.
    *fits = held <= limits->block && (split.lanes > 1 || held <= 4);
    split.block = (uint32_t)power_of_two(*fits ? most(held, 1) : least(limits->block, 4));
    return split;
}

bool vkn_row_pays(uint64_t rows, uint64_t elements, const vkn_limits *limits) {
    bool fits;
    vkn_split split = vkn_split_row(elements, limits, &fits);
    if (!limits->on_chip || elements > limits->binding_elements) return false;
    if (fits) return true;
    uint64_t chain = ceil_div(elements, (uint64_t)split.lanes * split.block * 4);
    return chain <= LONGEST_CHAIN && rows * 8 >= limits->teams;
}

static vkn_split split_rows(const vkn_view *view, const vkn_limits *limits) {
    uint64_t outer = most(view->count[0], 1), run = view->count[2], words = ceil_div(run, 4);
    vkn_split split = {.lanes = lanes_for(words, limits), .outer_step = outer};
    split.block = (uint32_t)least(power_of_two(ceil_div(words, split.lanes)), 4);
    uint64_t block = (uint64_t)split.lanes * split.block * 4;
    uint64_t wanted = most(least(limits->teams, limits->binding_elements / 4) / view->count[1], 1);
    uint64_t cuts = wanted > outer ? ceil_div(wanted, outer) : 1;
    cuts = most(least(cuts, run / (block * 4)), 1);
    split.run_step = least(ceil_div(ceil_div(run, cuts), 64) * 64, block * LONGEST_CHAIN);
    split.outer_step = most(outer / wanted, 1);
    uint64_t blocks = ceil_div(least(run, split.run_step), block);
    split.outer_step = least(split.outer_step, most(LONGEST_CHAIN / blocks, 1));
    return split;
}

static vkn_split split_columns(const vkn_view *view, const vkn_limits *limits, uint64_t positions_each) {
    uint64_t side_by_side = ceil_div(view->count[2], 4) * view->count[0];
    vkn_split split = {.lanes = 1, .block = 4};
    uint64_t wanted = least(limits->invocations, limits->binding_elements / 16);
    uint64_t parts = most(wanted / most(side_by_side, 1), 1);
    parts = least(parts, most(view->count[1] / positions_each, 1));
    split.parts = most(parts, ceil_div(view->count[1], (uint64_t)split.block * LONGEST_CHAIN));
    return split;
}

vkn_split vkn_split_reduce(const vkn_view *view, const vkn_limits *limits) {
    return view->columns ? split_columns(view, limits, 32) : split_rows(view, limits);
}

vkn_split vkn_split_apply(const vkn_view *view, const vkn_limits *limits) {
    if (view->columns) {
        vkn_split split = split_columns(view, limits, 1);
        split.parts = most(split.parts, ceil_div(view->count[1], 8));
        return split;
    }
    uint64_t run = view->count[2];
    vkn_split split = {.lanes = lanes_for(ceil_div(run, 4), limits), .block = 1};
    uint64_t piece = (uint64_t)split.lanes * 4 * 16;
    split.run_step = most(piece, 64);
    split.outer_step = run >= piece ? 1 : most(least(piece / most(run, 1), view->count[0]), 1);
    return split;
}

vkn_split vkn_split_merge(uint64_t records, const vkn_limits *limits) {
    uint64_t lanes = lanes_for(records, limits);
    // Many records: a whole workgroup, barriers or not, rather than lanes that loop for long.
    while (lanes * LONGEST_MERGE < records && lanes < limits->widest)
        lanes *= 2;
    return (vkn_split){.lanes = (uint32_t)lanes, .block = 1};
}

// ---- Push constants ------------------------------------------------------------------------------------------------
void vkn_pass_rows(vkn_plan *plan, vkn_pass *pass, const vkn_slice *slice, const vkn_boxes *boxes, const vkn_box *box) {
    const vkn_geometry *g = plan->geometry;
    const vkn_split *split = &boxes->split;
    pass->constants.value[VKN_CONSTANT_VECTOR] &= g->run % 4 == 0 && box->first % 4 == 0;
    uint64_t teams = box->parts * box->count[1];
    pass->push.rows = (struct vkn_rows_push){
        .flags = pass->push.rows.flags,
        .teams = (uint32_t)teams,
        .units = (uint32_t)box->count[1],
        .unit_first = (uint32_t)box->at[1],
        .unit_stride = (uint32_t)boxes->view.stride[1],
        .outer_stride = (uint32_t)(box->count[0] > 1 ? boxes->view.stride[0] : 0),
        .outers = (uint32_t)box->count[0],
        .outer_step = (uint32_t)least(split->outer_step, box->count[0]),
        .run = (uint32_t)box->count[2],
        .run_step = (uint32_t)least(split->run_step, UINT32_MAX),
        .run_parts = (uint32_t)ceil_div(box->count[2], split->run_step),
        .record_first = (uint32_t)(box->part * slice->units),
        .record_units = (uint32_t)slice->units,
        .fan = (uint32_t)g->fan,
        .period = (uint32_t)slice->channels,
        .span = 1,
        .eps = plan->request.eps,
        .scale = (float)(1.0 / (double)g->group_size),
    };
    vkn_pass_grid(plan, pass, teams, split->lanes);
}

void vkn_pass_columns(vkn_plan *plan, vkn_pass *pass, const vkn_slice *slice, const vkn_boxes *boxes,
                      const vkn_box *box) {
    const vkn_geometry *g = plan->geometry;
    const vkn_view *view = &boxes->view;
    pass->constants.value[VKN_CONSTANT_VECTOR] &=
        view->stride[1] % 4 == 0 && box->count[2] % 4 == 0 && box->first % 4 == 0;
    uint64_t words = ceil_div(box->count[2], 4), invocations = words * box->parts * box->count[0];
    uint64_t units = g->element_affine ? view->count[2] : slice->units;
    pass->push.columns = (struct vkn_columns_push){
        .flags = pass->push.columns.flags,
        .invocations = (uint32_t)invocations,
        .columns = (uint32_t)box->count[2],
        .words = (uint32_t)words,
        .plane_stride = (uint32_t)(box->count[0] > 1 ? view->stride[0] : 0),
        .positions = (uint32_t)box->count[1],
        .position_stride = (uint32_t)(box->count[1] > 1 ? view->stride[1] : 0),
        .parts = (uint32_t)box->parts,
        .unit_first = (uint32_t)(box->at[0] * view->count[2] + box->at[2]),
        .unit_pitch = (uint32_t)view->count[2],
        .record_first = (uint32_t)(box->part * units),
        .record_units = (uint32_t)units,
        .fan = (uint32_t)g->fan,
        .eps = plan->request.eps,
        .scale = (float)(1.0 / (double)g->group_size),
    };
    vkn_pass_grid(plan, pass, invocations, 1);
}
