// SPDX-License-Identifier: MIT
// One pass of a plan: its bindings, grid and push constants.
#include "error.h"
#include "plan_parts.h"
#include "tensor.h"
#include <stdlib.h>

// ---- Adding and binding --------------------------------------------------------------------------------------------
void vkn_plan_begin(vkn_plan *plan, const vkn_geometry *g, const vkn_limits *limits, const vkn_request *request) {
    *plan = (vkn_plan){
        .geometry = g,
        .limits = limits,
        .request = *request,
        .passes = plan->passes,
        .capacity = plan->capacity,
        .element_bytes = vkn_dtype_bytes(request->dtype),
        .input = VKN_X,
        .gradient = VKN_DY,
    };
}

bool vkn_plan_has(const vkn_plan *plan, vkn_operand operand) {
    return (plan->request.present & (1u << operand)) != 0;
}

void vkn_plan_scratch(vkn_plan *plan, vkn_operand operand, uint64_t bytes) {
    if (plan->scratch[operand] < bytes) plan->scratch[operand] = bytes;
}

void vkn_plan_records(vkn_plan *plan, uint64_t records, uint32_t bytes) {
    if (records > plan->limits->binding_elements / 4 && plan->result == VKN_OK)
        plan->result = vkn_fail(VKN_UNSUPPORTED,
                                "maxStorageBufferRange: %llu partial results of %u bytes do not fit in one binding",
                                (unsigned long long)records, bytes);
    vkn_plan_scratch(plan, VKN_RECORDS, records * bytes);
}

vkn_pass *vkn_plan_add(vkn_plan *plan, vkn_shader shader, const vkn_split *split) {
    if (plan->result != VKN_OK) return NULL;
    if (plan->count == plan->capacity) {
        uint32_t capacity = plan->capacity ? plan->capacity * 2 : 16;
        vkn_pass *grown = realloc(plan->passes, capacity * sizeof *grown);
        if (!grown) {
            plan->result = vkn_fail(VKN_OUT_OF_MEMORY, "plan: %u passes: out of host memory", capacity);
            return NULL;
        }
        plan->passes = grown;
        plan->capacity = capacity;
    }
    vkn_pass *pass = &plan->passes[plan->count++];
    *pass = (vkn_pass){.shader = shader, .barrier = plan->barrier};
    plan->barrier = false;
    const vkn_limits *limits = plan->limits;
    uint32_t lanes = split->lanes;
    uint32_t *constant = pass->constants.value;
    constant[VKN_CONSTANT_WORKGROUP] = (uint32_t)vkn_most(lanes, vkn_most(limits->workgroup, split->workgroup));
    constant[VKN_CONSTANT_LANES] = lanes;
    // Shuffles reach as far as lanes of a team are in one subgroup.
    uint32_t stride = split->interleaved ? constant[VKN_CONSTANT_WORKGROUP] / lanes : 1;
    constant[VKN_CONSTANT_CLUSTER] = (uint32_t)vkn_least(lanes, vkn_most(limits->subgroup / stride, 1));
    constant[VKN_CONSTANT_BLOCK] = split->block;
    constant[VKN_CONSTANT_ON_CHIP] = split->on_chip;
    constant[VKN_CONSTANT_ROWS] = split->rows ? split->rows : 1;
    constant[VKN_CONSTANT_WORDS] = split->words ? split->words : stride;
    constant[VKN_CONSTANT_CENTERED] = plan->geometry->centered;
    constant[VKN_CONSTANT_AFFINE] = plan->geometry->element_affine ? VKN_AFFINE_ELEMENT
                                    : vkn_plan_splits_batch(plan)  ? VKN_AFFINE_OUTER
                                                                   : VKN_AFFINE_UNIT;
    constant[VKN_CONSTANT_TEXELS] = limits->texels ? vkn_shader_texels(shader) : 0;
    // The values of dtypes and activations are those of structs.h.
    constant[VKN_CONSTANT_DTYPE] = plan->request.dtype;
    constant[VKN_CONSTANT_PARAMETER] = plan->request.parameter_dtype;
    constant[VKN_CONSTANT_ACTIVATION] = plan->request.activation;
    return pass;
}

void vkn_pass_bind(vkn_pass *pass, uint32_t binding, vkn_operand operand, uint64_t first_element, uint64_t elements,
                   uint32_t element_bytes) {
    pass->bindings[binding] =
        (vkn_binding){operand, first_element * element_bytes, elements * element_bytes, element_bytes};
}

void vkn_pass_bind_box(const vkn_plan *plan, vkn_pass *pass, uint32_t binding, vkn_operand operand,
                       const vkn_boxes *boxes, const vkn_box *box) {
    if (vkn_plan_has(plan, operand))
        vkn_pass_bind(pass, binding, operand, box->first, vkn_box_span(&boxes->view, box), plan->element_bytes);
}

void vkn_pass_bind_groups(const vkn_plan *plan, vkn_pass *pass, uint32_t binding, vkn_operand operand,
                          const vkn_slice *slice, const vkn_boxes *boxes, const vkn_box *box, uint32_t flags) {
    const vkn_geometry *g = plan->geometry;
    const vkn_view *view = &boxes->view;
    uint64_t first = slice->first_unit / g->fan, count = slice->units / g->fan, skipped = 0;
    if (flags & VKN_STAT_CHANNEL) {
        first = slice->first_channel;
        count = slice->channels;
        if (view->columns) {
            skipped = box->at[2];
            count = box->count[2];
        }
    }
    if (view->columns && g->element_affine) {
        skipped = box->at[0] * view->rows[0] + box->at[1] * view->rows[1];
        count = (box->count[0] - 1) * view->rows[0] + (box->count[1] - 1) * view->rows[1] + 1;
    }
    if (operand >= VKN_RECORDS) first = 0; // scratch holds one slice
    vkn_pass_bind(pass, binding, operand, first + skipped, count, 16);
}

void vkn_pass_grid(vkn_plan *plan, vkn_pass *pass, uint64_t teams, uint32_t lanes) {
    uint64_t per_workgroup = pass->constants.value[VKN_CONSTANT_WORKGROUP] / lanes;
    uint64_t workgroups = (teams + per_workgroup - 1) / per_workgroup;
    if (workgroups > plan->limits->max_workgroups || teams > UINT32_MAX / 2)
        plan->result =
            vkn_fail(VKN_UNSUPPORTED, "maxComputeWorkGroupCount: %llu workgroups are needed, the device has %llu",
                     (unsigned long long)workgroups, (unsigned long long)plan->limits->max_workgroups);
    pass->workgroups = (uint32_t)workgroups;
}

// ---- Boxes ---------------------------------------------------------------------------------------------------------
static vkn_affine affine_of_columns(const vkn_plan *plan, const vkn_slice *slice, const vkn_view *view,
                                    const vkn_box *box) {
    const vkn_geometry *g = plan->geometry;
    vkn_affine a = {.first = view->first_column + slice->first_channel + box->at[2], .count = box->count[2]};
    if (!plan->request.per_sample && g->weight_rows == 1) return a;
    uint64_t plane = slice->first_unit % g->weight_rows;
    if (plan->request.per_sample) plane = slice->first_unit / (g->element_affine ? g->sample_rows : g->channels);
    a.plane = g->element_affine ? g->run : g->features;
    a.first += (plane + box->at[0]) * a.plane;
    a.count += (box->count[0] - 1) * a.plane;
    return a;
}

// A row has weights of its own elements: all the same ones, or each of `weight_rows` in turn; per sample, `share` rows
// have the same.
static vkn_affine affine_of_elements(const vkn_plan *plan, const vkn_slice *slice, const vkn_box *box) {
    const vkn_geometry *g = plan->geometry;
    vkn_affine a = {.first = box->at[2], .count = box->count[2], .share = 1, .period = 1};
    if (!plan->request.per_sample && g->weight_rows == 1) return a;
    if (!plan->request.per_sample) {
        // A slice has whole sets of rows, or lies in one.
        a.period = vkn_least(slice->units, g->weight_rows);
        a.first += slice->first_unit % g->weight_rows * g->run;
        a.count += (a.period - 1) * g->run;
        a.stride = g->run;
        return a;
    }
    uint64_t first = slice->first_unit + box->at[1], last = first + box->count[1] - 1;
    uint64_t sample = first / g->sample_rows, more = last / g->sample_rows - sample;
    a.first += sample * g->run;
    a.count += more * g->run;
    a.stride = g->run;
    a.share = vkn_least(g->sample_rows, UINT32_MAX);
    a.first_row = box->at[1] / a.share;
    // A slice that begins inside a sample ends there, too.
    if (more) a.period = UINT32_MAX;
    return a;
}

static vkn_affine affine_of_units(const vkn_plan *plan, const vkn_slice *slice, const vkn_box *box) {
    const vkn_geometry *g = plan->geometry;
    vkn_affine a = {.first = slice->first_channel * g->unit_weights,
                    .count = slice->channels * g->unit_weights,
                    .share = 1,
                    .period = slice->channels,
                    .stride = g->unit_weights};
    if (!plan->request.per_sample) return a;
    if (g->kind == VKN_BATCH) {
        a.outer = g->channels;
        a.first += box->at[0] * g->channels;
        a.count += (box->count[0] - 1) * g->channels;
        return a;
    }
    a.first = slice->first_unit * g->unit_weights;
    a.count = slice->units * g->unit_weights;
    a.period = UINT32_MAX;
    return a;
}

vkn_affine vkn_affine_of(const vkn_plan *plan, const vkn_slice *slice, const vkn_boxes *boxes, const vkn_box *box) {
    if (boxes->view.columns) return affine_of_columns(plan, slice, &boxes->view, box);
    if (plan->geometry->element_affine) return affine_of_elements(plan, slice, box);
    return affine_of_units(plan, slice, box);
}

// No team, lane or word that is gone over is without elements. A team goes through all words of its outers in one
// count.
static bool rows_are_whole(const vkn_pass *pass, const vkn_split *split, const vkn_box *box, uint64_t unit_step,
                           uint64_t teams) {
    uint64_t block = (uint64_t)split->lanes * split->block * 4;
    uint64_t run = vkn_least(split->run_step, box->count[2]);
    uint64_t outers = vkn_most(vkn_least(split->outer_step, box->count[0]), 1);
    uint64_t teams_each = pass->constants.value[VKN_CONSTANT_WORKGROUP] / split->lanes;
    // A team of whole rows that waits for no other goes over no more of them than it has.
    bool norm = pass->shader == VKN_SHADER_NORM_ROW || pass->shader == VKN_SHADER_NORM_ROW_GRAD;
    bool alone = norm && split->lanes <= pass->constants.value[VKN_CONSTANT_CLUSTER];
    return pass->constants.value[VKN_CONSTANT_VECTOR] && run * outers % block == 0 && run % 4 == 0 &&
           box->count[2] % run == 0 && box->count[0] % outers == 0 &&
           (alone || (box->count[1] % unit_step == 0 && teams % teams_each == 0));
}

// Words of one load: none where not all of them begin at one, of 16 bits two where each lane has pairs of them.
// `distances`: all between words in memory, or-ed.
static uint32_t words_of_load(const vkn_limits *limits, uint64_t distances, uint64_t words_of_lane) {
    uint32_t words = distances % 4 ? 0 : distances % 8 || words_of_lane % 2 ? 1 : 2;
    return (uint32_t)vkn_least(words, limits->vector);
}

// Texels of 16 bits are read in whole words alone: what begins anywhere in them is more work than a loop over lanes.
static void set_load(const vkn_plan *plan, vkn_pass *pass, uint32_t words) {
    pass->constants.value[VKN_CONSTANT_VECTOR] = words;
    if (words == 0 && plan->element_bytes == 2) pass->constants.value[VKN_CONSTANT_TEXELS] = 0;
}

static uint32_t words_of_rows(const vkn_limits *limits, const vkn_boxes *boxes, const vkn_box *box,
                              uint32_t neighbours) {
    const vkn_split *split = &boxes->split;
    uint64_t distances = box->count[2] | box->first;
    if (box->count[0] > 1) distances |= boxes->view.stride[0];
    if (box->count[1] > 1) distances |= boxes->view.stride[1];
    if (split->run_step < box->count[2]) distances |= split->run_step;
    return words_of_load(limits, distances, neighbours);
}

static uint64_t words_of_run(const vkn_split *split, const vkn_box *box) {
    return vkn_ceil_div(vkn_least(box->count[2], split->run_step), 4);
}

static bool teams_have_one_outer(const vkn_split *split, const vkn_box *box) {
    return vkn_least(split->outer_step, box->count[0]) <= 1;
}

// No block of a team goes from one outer into the next.
static bool blocks_have_one_outer(const vkn_split *split, const vkn_box *box) {
    if (teams_have_one_outer(split, box)) return true;
    bool even = box->count[2] % vkn_least(split->run_step, box->count[2]) == 0;
    return even && words_of_run(split, box) % ((uint64_t)split->lanes * split->block) == 0;
}

// Words of a lane side by side, at most `most`: its block has whole sets of them, and so has each of several stretches.
static uint32_t neighbours_of_rows(const vkn_split *split, const vkn_box *box, uint32_t most) {
    bool one = teams_have_one_outer(split, box);
    while (most > 1 && (split->block % most != 0 || (!one && words_of_run(split, box) % most != 0)))
        most /= 2;
    return most;
}

static void push_rows(vkn_plan *plan, vkn_pass *pass, const vkn_slice *slice, const vkn_boxes *boxes,
                      const vkn_box *box, const vkn_affine *affine, uint32_t flags) {
    const vkn_geometry *g = plan->geometry;
    const vkn_split *split = &boxes->split;
    const vkn_limits *limits = plan->limits;
    uint32_t load = words_of_rows(limits, boxes, box, neighbours_of_rows(split, box, limits->vector));
    uint32_t neighbours = split->on_chip ? neighbours_of_rows(split, box, limits->neighbours) : 1;
    set_load(plan, pass, load);
    neighbours = (uint32_t)vkn_most(load, neighbours);
    pass->constants.value[VKN_CONSTANT_WORDS] = neighbours;
    uint64_t next = (uint64_t)(split->lanes - 1) * neighbours + 1, words = vkn_most(words_of_run(split, box), 1);
    uint64_t unit_step = vkn_most(split->unit_step, 1);
    uint64_t teams = box->parts * vkn_ceil_div(box->count[1], unit_step);
    pass->constants.value[VKN_CONSTANT_WHOLE] = rows_are_whole(pass, split, box, unit_step, teams);
    pass->constants.value[VKN_CONSTANT_ONE_OUTER] = blocks_have_one_outer(split, box);
    if (g->element_affine && split->unit_step == 1) pass->constants.value[VKN_CONSTANT_AFFINE] = VKN_AFFINE_OWN;
    pass->push.rows = (struct vkn_rows_push){
        .flags = flags,
        .teams = (uint32_t)teams,
        .units = (uint32_t)box->count[1],
        .unit_first = (uint32_t)box->at[1],
        .unit_stride = (uint32_t)boxes->view.stride[1],
        .unit_step = (uint32_t)unit_step,
        .outer_stride = (uint32_t)(box->count[0] > 1 ? boxes->view.stride[0] : 0),
        .outers = (uint32_t)box->count[0],
        .outer_step = (uint32_t)vkn_least(split->outer_step, box->count[0]),
        .run = (uint32_t)box->count[2],
        .run_step = (uint32_t)vkn_least(split->run_step, UINT32_MAX),
        .run_parts = (uint32_t)vkn_ceil_div(box->count[2], split->run_step),
        .next_outer = (uint32_t)(next / words),
        .next_word = (uint32_t)(next % words),
        .record_first = (uint32_t)(box->part * slice->units),
        .record_units = (uint32_t)slice->units,
        .fan = (uint32_t)g->fan,
        .period = (uint32_t)slice->channels,
        .affine_share = (uint32_t)affine->share,
        .affine_first = (uint32_t)affine->first_row,
        .affine_period = (uint32_t)affine->period,
        .affine_outer = (uint32_t)affine->outer,
        .affine_stride = (uint32_t)affine->stride,
        .affine_span = (uint32_t)(box->count[2] / vkn_least(g->unit_weights, box->count[2])),
        .eps = plan->request.eps,
        .weight_offset = flags & VKN_HAS_WEIGHT ? plan->request.weight_offset : 0,
    };
    vkn_pass_grid(plan, pass, teams, split->lanes);
}

static void push_columns(vkn_plan *plan, vkn_pass *pass, const vkn_boxes *boxes, const vkn_box *box,
                         const vkn_affine *affine, uint32_t flags) {
    const vkn_view *view = &boxes->view;
    uint64_t units = view->count[0] * view->count[2];
    uint64_t distances = view->stride[1] | box->count[2] | box->first | (box->count[0] > 1 ? view->stride[0] : 0);
    set_load(plan, pass, words_of_load(plan->limits, distances, boxes->split.words));
    uint64_t words = vkn_ceil_div(box->count[2], 4), stretches = vkn_ceil_div(words, boxes->split.words);
    pass->constants.value[VKN_CONSTANT_WHOLE] =
        pass->constants.value[VKN_CONSTANT_VECTOR] && words % boxes->split.words == 0;
    uint64_t teams = stretches * box->parts * box->count[0];
    // A subgroup sweeps one stretch of memory.
    uint64_t subgroup = plan->limits->subgroup;
    pass->push.columns = (struct vkn_columns_push){
        .flags = flags,
        .teams = (uint32_t)teams,
        .columns = (uint32_t)box->count[2],
        .stretches = (uint32_t)stretches,
        .neighbours = (uint32_t)(stretches % subgroup ? stretches : subgroup),
        .plane_stride = (uint32_t)(box->count[0] > 1 ? view->stride[0] : 0),
        .positions = (uint32_t)box->count[1],
        .position_stride = (uint32_t)(box->count[1] > 1 ? view->stride[1] : 0),
        .parts = (uint32_t)box->parts,
        .positions_each = (uint32_t)vkn_positions_each(&boxes->split, box->count[1], box->parts),
        .unit_first = (uint32_t)(box->at[0] * view->count[2] + box->at[2]),
        .unit_pitch = (uint32_t)view->count[2],
        .record_first = (uint32_t)(box->part * units),
        .record_units = (uint32_t)units,
        .fan = (uint32_t)plan->geometry->fan,
        .affine_plane = (uint32_t)affine->plane,
        .stat_plane = (uint32_t)view->rows[0],
        .stat_position = (uint32_t)view->rows[1],
        .eps = plan->request.eps,
        .weight_offset = flags & VKN_HAS_WEIGHT ? plan->request.weight_offset : 0,
    };
    vkn_pass_grid(plan, pass, teams, boxes->split.lanes);
}

void vkn_pass_box(vkn_plan *plan, vkn_pass *pass, const vkn_slice *slice, const vkn_boxes *boxes, const vkn_box *box,
                  uint32_t flags) {
    static const struct {
        vkn_operand operand;
        uint32_t flag;
    } parameters[] = {{VKN_WEIGHT_OPERAND, VKN_HAS_WEIGHT}, {VKN_BIAS_OPERAND, VKN_HAS_BIAS}};
    vkn_affine affine = vkn_affine_of(plan, slice, boxes, box);
    // Passes over x alone have other bindings there.
    bool reads = vkn_shader_bindings(pass->shader) > 4;
    for (uint32_t i = 0; reads && i < 2; ++i) {
        if (!vkn_plan_has(plan, parameters[i].operand)) continue;
        vkn_pass_bind(pass, 2 + i, parameters[i].operand, affine.first, affine.count,
                      vkn_dtype_bytes(plan->request.parameter_dtype));
        flags |= parameters[i].flag;
    }
    if (boxes->view.columns)
        push_columns(plan, pass, boxes, box, &affine, flags);
    else
        push_rows(plan, pass, slice, boxes, box, &affine, flags);
}
