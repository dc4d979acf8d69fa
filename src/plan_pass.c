// SPDX-License-Identifier: MIT
// One pass of a plan: its bindings, grid and push constants.
#include "error.h"
#include "plan_parts.h"
#include <stdlib.h>

// ---- Adding and binding
// ------------------------------------------------------------------------------------------------------
bool vkn_plan_has(const vkn_plan *plan, vkn_operand operand) {
    return (plan->request.present & (1u << operand)) != 0;
}

void vkn_plan_scratch(vkn_plan *plan, vkn_operand operand, uint64_t bytes) {
    if (plan->scratch[operand] < bytes) plan->scratch[operand] = bytes;
}

void vkn_plan_records(vkn_plan *plan, uint64_t records) {
    if (records > plan->limits->binding_elements / 4 && plan->result == VKN_OK)
        plan->result = vkn_fail(VKN_UNSUPPORTED,
                                "maxStorageBufferRange: %llu partial results of 16 bytes do not fit in one binding",
                                (unsigned long long)records);
    vkn_plan_scratch(plan, VKN_RECORDS, records * 16);
}

vkn_pass *vkn_plan_add(vkn_plan *plan, vkn_shader shader, const vkn_split *split, bool vector) {
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
    constant[VKN_CONSTANT_WORKGROUP] = lanes > limits->workgroup ? lanes : limits->workgroup;
    constant[VKN_CONSTANT_LANES] = lanes;
    constant[VKN_CONSTANT_CLUSTER] = (uint32_t)vkn_least(lanes, limits->subgroup);
    constant[VKN_CONSTANT_BLOCK] = split->block;
    constant[VKN_CONSTANT_VECTOR] = vector;
    constant[VKN_CONSTANT_CENTERED] = plan->geometry->centered;
    constant[VKN_CONSTANT_AFFINE] = plan->geometry->element_affine ? VKN_AFFINE_ELEMENT : VKN_AFFINE_UNIT;
    return pass;
}

void vkn_pass_bind(vkn_pass *pass, uint32_t binding, vkn_operand operand, uint64_t first_element, uint64_t elements,
                   uint32_t element_bytes) {
    pass->bindings[binding] = (vkn_binding){operand, first_element * element_bytes, elements * element_bytes};
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
        .outer_step = (uint32_t)vkn_least(split->outer_step, box->count[0]),
        .run = (uint32_t)box->count[2],
        .run_step = (uint32_t)vkn_least(split->run_step, UINT32_MAX),
        .run_parts = (uint32_t)vkn_ceil_div(box->count[2], split->run_step),
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
    uint64_t words = vkn_ceil_div(box->count[2], 4), invocations = words * box->parts * box->count[0];
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
