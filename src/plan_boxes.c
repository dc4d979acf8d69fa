// SPDX-License-Identifier: MIT
// Slices, views, boxes, and how many lanes and parts: the arithmetic below the plans.
#include "error.h"
#include "plan_parts.h"

// The running statistics' pass loops over a slice's samples; a loop of 65536 and more silently ends early on lavapipe.
enum { MOST_SAMPLES = 1 << 14 };

// A lane adds at most this many blocks one after another before partial results are merged as a tree.
enum { LONGEST_CHAIN = 512 };
// The same for records that are merged.
enum { LONGEST_MERGE = 4096 };

static uint64_t power_of_two(uint64_t at_least) {
    uint64_t power = 1;
    while (power < at_least)
        power *= 2;
    return power;
}

// ---- Views and boxes -----------------------------------------------------------------------------------------------
vkn_view vkn_view_of(const vkn_geometry *g, const vkn_slice *slice, bool by_sample) {
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
    bool batch = g->kind == VKN_BATCH, one_plane = batch && !by_sample;
    uint64_t sample = batch ? 0 : slice->first_unit / g->channels;
    view.first = sample * plane + slice->first_channel;
    view.count[0] = one_plane ? 1 : batch ? g->samples : slice->units / slice->channels;
    view.count[1] = one_plane ? g->samples * g->run : g->run;
    view.count[2] = slice->channels;
    view.stride[0] = plane;
    view.stride[1] = g->channels;
    return view;
}

vkn_view vkn_view_rows_as_columns(const vkn_geometry *g, const vkn_slice *slice, uint64_t first_column,
                                  uint64_t columns, bool by_sample) {
    uint64_t rows = by_sample ? vkn_least(g->sample_rows, slice->units) : slice->units;
    return (vkn_view){.columns = true,
                      .first = slice->first_unit * g->run + first_column,
                      .first_column = first_column,
                      .count = {slice->units / rows, rows, columns},
                      .stride = {rows * g->run, g->run}};
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
    step[1] = step[2] < count[2] ? 1 : vkn_least(count[1], (room - step[2]) / stride[1] + 1);
    uint64_t plane = (step[1] - 1) * stride[1] + step[2];
    step[0] = step[2] < count[2] || step[1] < count[1] ? 1 : vkn_least(count[0], (room - plane) / stride[0] + 1);
    for (int axis = 0; axis < 3; ++axis)
        boxes.number[axis] = vkn_ceil_div(count[axis], step[axis]);
    return boxes;
}

static uint64_t parts_of(const vkn_boxes *boxes, const vkn_box *box) {
    // A box has the share of the view's parts that it has of its positions.
    if (boxes->view.columns)
        return vkn_least(vkn_ceil_div(boxes->split.parts * box->count[1], boxes->view.count[1]), box->count[1]);
    return vkn_ceil_div(box->count[0], boxes->split.outer_step) * vkn_ceil_div(box->count[2], boxes->split.run_step);
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
        box->count[axis] = vkn_least(boxes->step[axis], boxes->view.count[axis] - box->at[axis]);
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
    uint64_t lanes = power_of_two(vkn_ceil_div(words, 4));
    if (words <= (uint64_t)limits->subgroup * 8) lanes = vkn_least(lanes, limits->subgroup);
    return (uint32_t)vkn_least(lanes, limits->lanes);
}

// Halves that are not read in words cost many registers of addresses and masks.
static uint32_t block_for(uint64_t elements, const vkn_limits *limits, bool halves) {
    bool words = limits->vector && elements % 4 == 0;
    return halves && !words ? limits->block / 2 : limits->block;
}

vkn_split vkn_split_row(uint64_t elements, const vkn_limits *limits, bool halves, bool *fits) {
    uint32_t block = block_for(elements, limits, halves);
    uint64_t words = vkn_ceil_div(elements, 4);
    vkn_split split = {.lanes = lanes_for(words, limits), .outer_step = 1, .run_step = (words ? words : 1) * 4};
    uint64_t held = vkn_ceil_div(words, split.lanes);
    // A single lane would hold a whole row: reading it again from the cache is cheaper.
    *fits = held <= block && (split.lanes > 1 || held <= 4);
    split.block = (uint32_t)power_of_two(*fits ? vkn_most(held, 1) : vkn_least(block, 4));
    return split;
}

bool vkn_row_pays(uint64_t rows, uint64_t elements, const vkn_limits *limits, bool halves) {
    bool fits;
    vkn_split split = vkn_split_row(elements, limits, halves, &fits);
    if (!limits->on_chip || elements > limits->binding_elements) return false;
    if (fits) return true;
    uint64_t chain = vkn_ceil_div(elements, (uint64_t)split.lanes * split.block * 4);
    return chain <= LONGEST_CHAIN && rows * 8 >= limits->teams;
}

static vkn_split split_rows(const vkn_view *view, const vkn_limits *limits) {
    uint64_t outer = vkn_most(view->count[0], 1), run = view->count[2], words = vkn_ceil_div(run, 4);
    vkn_split split = {.lanes = lanes_for(words, limits), .outer_step = outer};
    split.block = (uint32_t)vkn_least(power_of_two(vkn_ceil_div(words, split.lanes)), 4);
    uint64_t block = (uint64_t)split.lanes * split.block * 4;
    uint64_t wanted = vkn_most(vkn_least(limits->teams, limits->binding_elements / 4) / view->count[1], 1);
    uint64_t cuts = wanted > outer ? vkn_ceil_div(wanted, outer) : 1;
    cuts = vkn_most(vkn_least(cuts, run / (block * 4)), 1);
    split.run_step = vkn_least(vkn_ceil_div(vkn_ceil_div(run, cuts), 64) * 64, block * LONGEST_CHAIN);
    split.outer_step = vkn_most(outer / wanted, 1);
    uint64_t blocks = vkn_ceil_div(vkn_least(run, split.run_step), block);
    split.outer_step = vkn_least(split.outer_step, vkn_most(LONGEST_CHAIN / blocks, 1));
    return split;
}

static vkn_split split_columns(const vkn_view *view, const vkn_limits *limits, uint64_t positions_each) {
    uint64_t side_by_side = vkn_ceil_div(view->count[2], 4) * view->count[0];
    vkn_split split = {.lanes = 1, .block = 4};
    uint64_t wanted = vkn_least(limits->invocations, limits->binding_elements / 16);
    uint64_t parts = vkn_most(wanted / vkn_most(side_by_side, 1), 1);
    parts = vkn_least(parts, vkn_most(view->count[1] / positions_each, 1));
    split.parts = vkn_most(parts, vkn_ceil_div(view->count[1], (uint64_t)split.block * LONGEST_CHAIN));
    return split;
}

vkn_split vkn_split_reduce(const vkn_view *view, const vkn_limits *limits) {
    return view->columns ? split_columns(view, limits, 32) : split_rows(view, limits);
}

vkn_split vkn_split_apply(const vkn_view *view, const vkn_limits *limits) {
    if (view->columns) {
        vkn_split split = split_columns(view, limits, 1);
        split.parts = vkn_most(split.parts, vkn_ceil_div(view->count[1], 8));
        return split;
    }
    uint64_t run = view->count[2];
    vkn_split split = {.lanes = lanes_for(vkn_ceil_div(run, 4), limits), .block = 1};
    uint64_t piece = (uint64_t)split.lanes * 4 * 16;
    split.run_step = vkn_most(piece, 64);
    split.outer_step = run >= piece ? 1 : vkn_most(vkn_least(piece / vkn_most(run, 1), view->count[0]), 1);
    return split;
}

vkn_split vkn_split_merge(uint64_t records, const vkn_limits *limits) {
    uint64_t lanes = lanes_for(records, limits);
    // Many records: a whole workgroup, barriers or not, rather than lanes that loop for long.
    while (lanes * LONGEST_MERGE < records && lanes < limits->widest)
        lanes *= 2;
    return (vkn_split){.lanes = (uint32_t)lanes, .block = 1};
}

// ---- Slices ------------------------------------------------------------------------------------------------------
uint64_t vkn_slice_most(const vkn_plan *plan, bool records) {
    // Per unit: a record of 16 bytes for each part; statistics and sums take 16 as well.
    const vkn_geometry *g = plan->geometry;
    uint64_t room = vkn_least(plan->limits->binding_elements / 4, VKN_MOST_RECORDS), most = vkn_least(g->units, room);
    if (plan->request.training && g->kind == VKN_INSTANCE) most = vkn_least(most, MOST_SAMPLES * g->channels);
    while (records && most > g->fan) {
        vkn_slice slice = {0};
        if (vkn_slice_next(g, most, &slice) != VKN_OK || slice.units == 0) break;
        vkn_view view = vkn_view_of(g, &slice, false);
        vkn_split split = vkn_split_reduce(&view, plan->limits);
        uint64_t parts = vkn_boxes_parts(vkn_boxes_of(&view, &split, plan->limits));
        if (vkn_plan_splits_batch(plan)) parts *= g->samples;
        if (parts * slice.units <= room) break;
        most = most / 2 > g->fan ? most / 2 : g->fan;
    }
    return most;
}

vkn_result vkn_slice_next(const vkn_geometry *g, uint64_t most, vkn_slice *slice) {
    uint64_t first = slice->first_unit + slice->units;
    *slice = (vkn_slice){.first_unit = first};
    if (first >= g->units) return VKN_OK;
    uint64_t left = g->units - first, sample_units = g->element_affine ? g->sample_rows : g->channels;
    if (g->kind == VKN_BATCH) {
        slice->units = slice->channels = vkn_least(left, most);
        slice->first_channel = first;
        slice->samples = 1;
    } else if (most >= sample_units) {
        slice->units = vkn_least(left, most / sample_units * sample_units);
        slice->channels = g->channels;
        slice->samples = slice->units / g->channels;
    } else {
        uint64_t in_sample = first % sample_units;
        slice->units = vkn_least(sample_units - in_sample, most / g->fan * g->fan);
        slice->first_channel = g->element_affine ? 0 : in_sample;
        slice->channels = g->element_affine ? 1 : slice->units;
        slice->samples = g->element_affine ? slice->units : 1;
    }
    if (slice->units == 0)
        return vkn_fail(VKN_UNSUPPORTED,
                        "maxStorageBufferRange: the partial results of one statistic group of %llu elements "
                        "in %llu channels do not fit",
                        (unsigned long long)g->group_size, (unsigned long long)g->fan);
    return VKN_OK;
}
