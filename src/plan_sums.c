// SPDX-License-Identifier: MIT
// Backward's sums: grad_stats -> merge_sums, of each statistic group, and of each weight.
#include "error.h"
#include "plan_parts.h"
#include "tensor.h"

// ---- What dy is --------------------------------------------------------------------------------------------------
void vkn_pass_gradient(const vkn_plan *plan, vkn_pass *pass, const vkn_boxes *boxes, const vkn_box *box,
                       uint32_t dresidual) {
    uint32_t *constant = pass->constants.value;
    bool given = plan->gradient == VKN_DY, active = given && plan->request.activation != VKN_NO_ACTIVATION;
    vkn_pass_bind_box(plan, pass, 1, plan->gradient, boxes, box);
    if (!active) constant[VKN_CONSTANT_ACTIVATION] = VKN_ACT_NONE;
    if (active && vkn_plan_has(plan, VKN_RESIDUAL)) {
        constant[VKN_CONSTANT_RESIDUAL] = VKN_ADD_AFTER;
        vkn_pass_bind_box(plan, pass, 5, VKN_RESIDUAL, boxes, box);
    }
    if (given && vkn_plan_has(plan, VKN_DRESIDUAL)) {
        constant[VKN_CONSTANT_DRESIDUAL] = true;
        vkn_pass_bind_box(plan, pass, dresidual, VKN_DRESIDUAL, boxes, box);
    }
}

void vkn_pass_bind_dh(const vkn_plan *plan, vkn_pass *pass, const vkn_boxes *boxes, const vkn_box *box) {
    if (!vkn_plan_has(plan, VKN_DH)) return;
    pass->constants.value[VKN_CONSTANT_RESIDUAL] = VKN_ADD_BEFORE;
    vkn_pass_bind_box(plan, pass, 5, VKN_DH, boxes, box);
}

void vkn_plan_gradient_done(vkn_plan *plan) {
    if (vkn_plan_has(plan, VKN_DRESIDUAL)) plan->gradient = VKN_DRESIDUAL;
}

// ---- Records -----------------------------------------------------------------------------------------------------
uint64_t vkn_plan_sum_records(vkn_plan *plan, const vkn_slice *slice, const vkn_view *view,
                              const vkn_statistics_operand *statistics, uint32_t dx) {
    uint64_t units = view->columns ? view->count[0] * view->count[2] : slice->units;
    vkn_split split =
        dx == VKN_DX_AFTER ? vkn_split_whole_columns(view, plan->limits) : vkn_split_reduce(view, plan->limits);
    if (vkn_plan_splits_batch(plan)) split.outer_step = 1;
    vkn_boxes boxes = vkn_boxes_of(view, &split, plan->limits);
    uint64_t parts = vkn_boxes_parts(boxes);
    vkn_plan_records(plan, parts * units, VKN_SUMS_BYTES);
    vkn_box box;
    while (vkn_boxes_next(&boxes, &box)) {
        vkn_shader shader = view->columns ? VKN_SHADER_GRAD_STATS_COLUMNS : VKN_SHADER_GRAD_STATS_ROWS;
        vkn_pass *pass = vkn_plan_add(plan, shader, &split);
        if (!pass) return parts;
        vkn_pass_bind_box(plan, pass, 0, VKN_X, &boxes, &box);
        vkn_pass_gradient(plan, pass, &boxes, &box, 6);
        pass->constants.value[VKN_CONSTANT_DX] = dx;
        if (dx != VKN_DX_NONE) vkn_pass_bind_box(plan, pass, 6, VKN_DX, &boxes, &box);
        if (dx == VKN_DX_AFTER) vkn_pass_bind_dh(plan, pass, &boxes, &box);
        vkn_pass_bind_groups(plan, pass, 4, statistics->operand, slice, &boxes, &box, statistics->flags);
        vkn_pass_bind(pass, 7, VKN_RECORDS, 0, parts * units, VKN_SUMS_BYTES);
        vkn_pass_box(plan, pass, slice, &boxes, &box, statistics->flags);
        plan->barrier = true;
    }
    return parts;
}

// ---- Merges ------------------------------------------------------------------------------------------------------
// `outputs` sums of the records from `first` on; `merge` says which records are whose.
static vkn_pass *add_merge(vkn_plan *plan, const struct vkn_merge_push *merge, vkn_operand source, uint64_t first,
                           uint64_t records) {
    vkn_split split = vkn_split_merge((uint64_t)merge->parts * merge->fan, plan->limits);
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_MERGE_SUMS, &split);
    if (!pass) return NULL;
    bool ours = source == VKN_RECORDS; // a caller's have four floats
    pass->constants.value[VKN_CONSTANT_VECTOR] = ours;
    if (records > first) vkn_pass_bind(pass, 0, source, first, records - first, ours ? VKN_SUMS_BYTES : 16);
    pass->push.merge = *merge;
    pass->push.merge.weight_offset = plan->request.weight_offset;
    vkn_pass_grid(plan, pass, merge->teams, split.lanes);
    return pass;
}

// How many rows of `width` values, `pitch` apart, one binding can see.
static uint64_t rows_in_binding(const vkn_plan *plan, uint64_t width, uint64_t pitch) {
    return pitch ? (plan->limits->binding_elements - width) / pitch + 1 : 1;
}

// dweight and dbias: rows of merge->width values from `first` on, as many at once as one binding sees.
static void add_affine_merges(vkn_plan *plan, struct vkn_merge_push merge, uint64_t records, uint64_t first,
                              bool accumulate) {
    static const struct {
        vkn_operand operand;
        uint32_t binding, flag;
    } outputs[] = {{VKN_DBIAS, 2, VKN_WRITE_DBIAS}, {VKN_DWEIGHT, 3, VKN_WRITE_DWEIGHT}};
    uint64_t width = merge.width, pitch = merge.row_pitch, rows = merge.teams / width;
    uint64_t most = rows_in_binding(plan, width, pitch);
    for (uint64_t row = 0; row < rows; row += most) {
        uint64_t count = vkn_least(most, rows - row);
        merge.teams = (uint32_t)(count * width);
        vkn_pass *pass = add_merge(plan, &merge, VKN_RECORDS, row * merge.row_stride, records);
        if (!pass) return;
        pass->push.merge.flags = accumulate ? VKN_ACCUMULATE : 0u;
        for (uint32_t i = 0; i < 2; ++i) {
            if (!vkn_plan_has(plan, outputs[i].operand)) continue;
            vkn_pass_bind(pass, outputs[i].binding, outputs[i].operand, first + row * pitch,
                          (count - 1) * pitch + width, 4);
            pass->push.merge.flags |= outputs[i].flag;
        }
    }
}

// Parts that each sample has of the parts of all samples: its own, or in columns, where samples are planes, all.
static uint64_t parts_of_sample(const vkn_plan *plan, const vkn_view *view, uint64_t parts) {
    return view->columns ? parts : parts / plan->geometry->samples;
}

// Records of batch norm whose weights are per sample: [sample][part][channel], or in columns [part][sample][channel].
static struct vkn_merge_push batch_merge(const vkn_plan *plan, const vkn_slice *slice, const vkn_view *view,
                                         uint64_t parts) {
    uint64_t samples = plan->geometry->samples, own = parts_of_sample(plan, view, parts), units = slice->units;
    return (struct vkn_merge_push){
        .parts = (uint32_t)own,
        .part_stride = (uint32_t)(view->columns ? samples * units : units),
        .fan = 1,
        .fan_stride = (uint32_t)(view->columns ? units : own * units),
        .width = (uint32_t)units,
        .row_stride = (uint32_t)(view->columns ? units : own * units),
        .output_stride = 1,
    };
}

void vkn_plan_affine_gradients(vkn_plan *plan, const vkn_slice *slice, const vkn_view *view, uint64_t parts,
                               bool accumulate) {
    const vkn_geometry *g = plan->geometry;
    bool per_sample = plan->request.per_sample, elements = g->element_affine;
    if (vkn_plan_splits_batch(plan)) {
        struct vkn_merge_push merge = batch_merge(plan, slice, view, parts);
        merge.teams = (uint32_t)(g->samples * slice->units);
        merge.row_pitch = (uint32_t)g->channels;
        add_affine_merges(plan, merge, (uint64_t)merge.parts * merge.teams, slice->first_channel, accumulate);
        return;
    }
    uint64_t units = elements ? view->count[0] * view->count[2] : slice->units;
    uint64_t outputs = per_sample || elements ? units : slice->channels;
    uint64_t first = elements ? slice->first_unit % g->weight_rows * g->run + view->first_column : slice->first_channel;
    if (per_sample)
        first = elements ? slice->first_unit / g->sample_rows * g->run + view->first_column : slice->first_unit;
    uint64_t width = elements ? view->count[2] : outputs;
    const struct vkn_merge_push merge = {
        .teams = (uint32_t)outputs,
        .parts = (uint32_t)parts,
        .part_stride = (uint32_t)units,
        .fan = (uint32_t)(units / outputs),
        .fan_stride = (uint32_t)outputs,
        .width = (uint32_t)width,
        .row_stride = (uint32_t)width,
        .row_pitch = (uint32_t)(elements ? g->run : 0),
        .output_stride = 1,
    };
    add_affine_merges(plan, merge, parts * units, first, accumulate);
}

void vkn_plan_zero_affine_gradients(vkn_plan *plan) {
    const vkn_geometry *g = plan->geometry;
    if (!vkn_plan_wants_affine(plan) || plan->request.accumulate) return;
    uint64_t room = plan->limits->binding_elements, all = g->features * (plan->request.per_sample ? g->batch : 1);
    for (uint64_t first = 0; first < all; first += room) {
        uint32_t count = (uint32_t)vkn_least(room, all - first);
        add_affine_merges(plan, (struct vkn_merge_push){.teams = count, .fan = 1, .width = count}, 0, first, false);
    }
}

// Each unit's sums count with its weight, where units have one: those of `samples` samples from `sample` on, where
// batch norm has weights per sample.
static void bind_unit_weights(const vkn_plan *plan, vkn_pass *pass, const vkn_slice *slice, uint64_t sample,
                              uint64_t samples) {
    const vkn_geometry *g = plan->geometry;
    struct vkn_merge_push *merge = &pass->push.merge;
    merge->period = 1;
    if (!vkn_plan_has(plan, VKN_WEIGHT_OPERAND) || g->element_affine) return;
    uint64_t first = slice->first_channel, count = slice->channels;
    merge->flags |= VKN_HAS_WEIGHT;
    merge->period = (uint32_t)(slice->channels / g->fan);
    merge->weight_stride = (uint32_t)g->fan;
    merge->weight_fan = 1;
    if (vkn_plan_splits_batch(plan)) {
        first += sample * g->channels;
        count += (samples - 1) * g->channels;
        merge->weight_fan = (uint32_t)g->channels;
    } else if (plan->request.per_sample) {
        first = slice->first_unit;
        count = slice->units;
        merge->period = UINT32_MAX;
    }
    vkn_pass_bind(pass, 1, VKN_WEIGHT_OPERAND, first, count, vkn_dtype_bytes(plan->request.parameter_dtype));
}

static vkn_pass *add_group_merge(vkn_plan *plan, const vkn_slice *slice, struct vkn_merge_push merge, uint64_t first,
                                 uint64_t records) {
    const vkn_geometry *g = plan->geometry;
    bool given = vkn_plan_has(plan, VKN_SUMS);
    uint64_t groups = slice->units / g->fan;
    merge.width = UINT32_MAX;
    merge.teams = (uint32_t)groups;
    vkn_pass *pass = add_merge(plan, &merge, VKN_RECORDS, first, records);
    if (!pass) return NULL;
    pass->push.merge.flags = VKN_WRITE_SUMS;
    vkn_pass_bind(pass, 4, given ? VKN_SUMS : VKN_SCRATCH_SUMS, given ? slice->first_unit / g->fan : 0, groups, 16);
    if (!given) vkn_plan_scratch(plan, VKN_SCRATCH_SUMS, groups * 16);
    return pass;
}

// Batch norm with weights per sample: as many samples at once as one binding sees weights of.
static void add_batch_sums(vkn_plan *plan, const vkn_slice *slice, const vkn_view *view, uint64_t parts) {
    const vkn_geometry *g = plan->geometry;
    struct vkn_merge_push merge = batch_merge(plan, slice, view, parts);
    uint64_t records = (uint64_t)merge.parts * g->samples * slice->units;
    uint64_t most = rows_in_binding(plan, slice->channels, g->channels);
    for (uint64_t sample = 0; sample < g->samples; sample += most) {
        uint64_t count = vkn_least(most, g->samples - sample);
        merge.fan = (uint32_t)count;
        merge.count = sample ? 0 : (float)g->group_size;
        vkn_pass *pass = add_group_merge(plan, slice, merge, sample * merge.fan_stride, records);
        if (!pass) return;
        bind_unit_weights(plan, pass, slice, sample, count);
        if (sample) pass->push.merge.flags |= VKN_ACCUMULATE;
        plan->barrier = true;
    }
}

void vkn_plan_group_sums(vkn_plan *plan, const vkn_slice *slice, const vkn_view *view, uint64_t parts) {
    const vkn_geometry *g = plan->geometry;
    if (vkn_plan_splits_batch(plan) && parts) {
        add_batch_sums(plan, slice, view, parts);
        return;
    }
    const struct vkn_merge_push merge = {
        .parts = (uint32_t)parts,
        .part_stride = (uint32_t)slice->units,
        .fan = (uint32_t)g->fan,
        .fan_stride = 1,
        .output_stride = (uint32_t)g->fan,
        .count = (float)g->group_size,
    };
    vkn_pass *pass = add_group_merge(plan, slice, merge, 0, parts * slice->units);
    if (pass && parts) bind_unit_weights(plan, pass, slice, 0, 0);
}

// ---- Ranks -------------------------------------------------------------------------------------------------------
vkn_result vkn_plan_merge(vkn_plan *plan, bool moments, uint64_t groups, uint32_t ranks, const vkn_limits *limits) {
    static const vkn_geometry none = {.centered = true};
    static const vkn_request request = {0};
    vkn_plan_begin(plan, &none, limits, &request);
    uint64_t records = groups * ranks;
    if (records > limits->binding_elements / 4)
        return vkn_fail(VKN_UNSUPPORTED, "maxStorageBufferRange: %llu records of 16 bytes do not fit in one binding",
                        (unsigned long long)records);
    if (groups == 0) return VKN_OK;
    struct vkn_merge_push merge = {
        .teams = (uint32_t)groups,
        .parts = ranks,
        .part_stride = (uint32_t)groups,
        .fan = 1,
        .width = UINT32_MAX,
        .output_stride = 1,
        .period = 1,
    };
    if (!moments) {
        vkn_pass *pass = add_merge(plan, &merge, VKN_RANKS, 0, records);
        if (!pass) return plan->result;
        pass->push.merge.flags = VKN_WRITE_SUMS;
        vkn_pass_bind(pass, 4, VKN_SUMS, 0, groups, 16);
        return plan->result;
    }
    vkn_split split = vkn_split_merge(ranks, limits);
    vkn_pass *pass = vkn_plan_add(plan, VKN_SHADER_MERGE_STATS, &split);
    if (!pass) return plan->result;
    pass->push.merge = merge;
    pass->push.merge.flags = VKN_WRITE_MOMENTS;
    vkn_pass_bind(pass, 0, VKN_RANKS, 0, records, 16);
    vkn_pass_bind(pass, 2, VKN_MOMENTS, 0, groups, 16);
    vkn_pass_grid(plan, pass, groups, split.lanes);
    return plan->result;
}
