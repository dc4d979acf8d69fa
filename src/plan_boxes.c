// SPDX-License-Identifier: MIT
// Slices, views and boxes: the arithmetic below the plans.
#include "error.h"
#include "plan_parts.h"

// The running statistics' pass loops over a slice's samples; a loop of 65536 and more silently ends early on lavapipe.
enum { MOST_SAMPLES = 1 << 14 };

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
    vkn_view view = {.columns = true, .first = slice->first_unit * g->run + first_column, .first_column = first_column};
    // Rows of a plane have the same weights: neighbours, or each weight_rows-th one.
    uint64_t apart = by_sample ? 1 : vkn_least(g->weight_rows, slice->units);
    uint64_t rows = by_sample ? vkn_least(g->sample_rows, slice->units) : slice->units / apart;
    view.count[0] = slice->units / rows;
    view.count[1] = rows;
    view.count[2] = columns;
    view.rows[0] = by_sample ? rows : 1;
    view.rows[1] = apart;
    view.stride[0] = view.rows[0] * g->run;
    view.stride[1] = view.rows[1] * g->run;
    return view;
}

uint64_t vkn_box_span(const vkn_view *view, const vkn_box *box) {
    return (box->count[0] - 1) * view->stride[0] + (box->count[1] - 1) * view->stride[1] + box->count[2];
}

// Stretches of `length`, each `stride` after the one before it, that lie within `room`.
static uint64_t fitting(uint64_t room, uint64_t length, uint64_t stride) {
    return (room - length) / vkn_most(stride, 1) + 1;
}

// At most `most` of `count`, in steps of `whole`, so that boxes are about as large as one another: a few rows left over
// would keep a device from filling, and teams from having whole sets of rows.
static uint64_t even_share(uint64_t count, uint64_t most, uint64_t whole) {
    uint64_t boxes = vkn_ceil_div(count, vkn_most(most, 1));
    if (boxes <= 1) return vkn_most(count, 1);
    whole = vkn_most(whole, 1);
    uint64_t even = vkn_ceil_div(vkn_ceil_div(count, boxes), whole) * whole;
    return vkn_most(vkn_least(even, most), 1);
}

vkn_boxes vkn_boxes_of(const vkn_view *view, const vkn_split *split, const vkn_limits *limits) {
    vkn_boxes boxes = {.view = *view, .split = *split};
    uint64_t room = limits->binding_elements;
    const uint64_t *count = view->count, *stride = view->stride;
    uint64_t *step = boxes.step;
    // A cut run stays a multiple of 64 elements, so that the next box begins as aligned as this one.
    step[2] = even_share(count[2], room < count[2] ? room / 64 * 64 : room, 64);
    step[1] = step[2] < count[2] ? 1 : even_share(count[1], fitting(room, step[2], stride[1]), split->unit_step);
    uint64_t plane = (step[1] - 1) * stride[1] + step[2];
    step[0] = step[2] < count[2] || step[1] < count[1]
                  ? 1
                  : even_share(count[0], fitting(room, plane, stride[0]), split->outer_step);
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

// ---- Slices ------------------------------------------------------------------------------------------------------
uint64_t vkn_slice_most(const vkn_plan *plan, bool records) {
    // Per unit: a record of 16 bytes for each part; statistics and sums take 16 as well.
    const vkn_geometry *g = plan->geometry;
    uint64_t room = vkn_record_room(plan->limits), most = vkn_least(g->units, room);
    if (g->weight_rows > 1) { // the sums of each weight, of all parts of a slice
        uint64_t positions = g->features <= room ? vkn_most(plan->limits->reduce_positions / 2, 1) : 1;
        most = vkn_least(most, vkn_most(room / g->run, 1) * positions);
    }
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

// Units that a slice has all of, or lies in: rows of weights, and the units of a sample.
static uint64_t units_together(const vkn_geometry *g) {
    return vkn_most(g->element_affine ? g->sample_rows * g->weight_rows : g->channels, 1);
}

vkn_result vkn_slice_next(const vkn_geometry *g, uint64_t most, vkn_slice *slice) {
    uint64_t first = slice->first_unit + slice->units;
    *slice = (vkn_slice){.first_unit = first};
    if (first >= g->units) return VKN_OK;
    uint64_t left = g->units - first, sample_units = units_together(g);
    if (g->kind == VKN_BATCH) {
        slice->units = slice->channels = vkn_least(left, most);
        slice->first_channel = first;
        slice->samples = 1;
    } else if (most >= sample_units) {
        slice->units = vkn_least(left, most / sample_units * sample_units);
        slice->channels = g->channels;
        slice->samples = slice->units / vkn_most(g->channels, 1);
    } else {
        uint64_t in_sample = first % sample_units, fan = vkn_most(g->fan, 1);
        slice->units = vkn_least(sample_units - in_sample, most / fan * fan);
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
