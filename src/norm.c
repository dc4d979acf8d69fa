// SPDX-License-Identifier: MIT
// The recording calls: check, plan, record.
#include "check.h"
#include "error.h"
#include "recorder.h"
#include "tensor.h"
#include <stdlib.h>

// A call's tensors by operand, as far as they are there.
typedef struct operands {
    vkn_place places[VKN_OPERAND_COUNT];
    uint32_t present;
    bool words; // each begins at 16 bytes
} operands;

static void add_operand(operands *all, vkn_operand operand, const vkn_tensor *tensor) {
    if (!vkn_tensor_present(tensor)) return;
    all->places[operand] = (vkn_place){tensor->buffer, tensor->offset};
    all->present |= 1u << operand;
    all->words = all->words && tensor->offset % 16 == 0;
}

static vkn_limits limits_of(const vkn_context *context, bool words) {
    vkn_limits limits = vkn_limits_make(&context->about.info, context->forced_lanes);
    limits.vector = limits.vector && words;
    return limits;
}

vkn_result vkn_norm_forward(vkn_recorder *recorder, const vkn_norm *norm, const vkn_forward_args *args) {
    vkn_geometry geometry;
    vkn_result result = vkn_recorder_ready(recorder);
    if (result == VKN_OK) result = vkn_check_forward(norm, args, &geometry);
    if (result != VKN_OK) return result;
    operands all = {.words = true};
    add_operand(&all, VKN_X, &args->x);
    add_operand(&all, VKN_Y, &args->y);
    add_operand(&all, VKN_WEIGHT_OPERAND, &args->weight);
    add_operand(&all, VKN_BIAS_OPERAND, &args->bias);
    add_operand(&all, VKN_MEAN, &args->mean);
    add_operand(&all, VKN_RSTD, &args->rstd);
    add_operand(&all, VKN_RUNNING_MEAN_OPERAND, &args->running_mean);
    add_operand(&all, VKN_RUNNING_VAR_OPERAND, &args->running_var);
    add_operand(&all, VKN_BATCHES, &args->num_batches_tracked);
    vkn_request request = {
        .present = all.present,
        .training = args->training,
        .from_running = !args->training && vkn_tensor_present(&args->running_mean),
        .eps = norm->eps,
        .momentum = args->momentum,
    };
    vkn_limits limits = limits_of(recorder->context, all.words);
    result = vkn_plan_forward(&recorder->plan, &geometry, &limits, &request);
    return result == VKN_OK ? vkn_recorder_run(recorder, all.places) : result;
}

vkn_result vkn_norm_backward(vkn_recorder *recorder, const vkn_norm *norm, const vkn_backward_args *args) {
    vkn_geometry geometry;
    vkn_result result = vkn_recorder_ready(recorder);
    if (result == VKN_OK) result = vkn_check_backward(norm, args, &geometry);
    if (result != VKN_OK) return result;
    operands all = {.words = true};
    add_operand(&all, VKN_X, &args->x);
    add_operand(&all, VKN_DY, &args->dy);
    add_operand(&all, VKN_WEIGHT_OPERAND, &args->weight);
    add_operand(&all, VKN_RUNNING_MEAN_OPERAND, &args->running_mean);
    add_operand(&all, VKN_RUNNING_VAR_OPERAND, &args->running_var);
    add_operand(&all, VKN_DX, &args->dx);
    add_operand(&all, VKN_DWEIGHT, &args->dweight);
    add_operand(&all, VKN_DBIAS, &args->dbias);
    // Half of the statistics is of no use: both are computed then, into scratch.
    if (vkn_tensor_present(&args->rstd) && (vkn_tensor_present(&args->mean) || !geometry.centered)) {
        add_operand(&all, VKN_MEAN, &args->mean);
        add_operand(&all, VKN_RSTD, &args->rstd);
    }
    vkn_request request = {
        .present = all.present,
        .from_running = !args->training && vkn_tensor_present(&args->running_mean),
        .accumulate = args->accumulate,
        .eps = norm->eps,
    };
    vkn_limits limits = limits_of(recorder->context, all.words);
    result = vkn_plan_backward(&recorder->plan, &geometry, &limits, &request);
    return result == VKN_OK ? vkn_recorder_run(recorder, all.places) : result;
}

// ---- Ahead of time -------------------------------------------------------------------------------------------------
static vkn_result build_pipelines(vkn_context *context, const vkn_plan *plan) {
    for (uint32_t i = 0; i < plan->count; ++i) {
        VkPipeline pipeline;
        vkn_result result = vkn_pipeline_get(context, plan->passes[i].shader, &plan->passes[i].constants, &pipeline);
        if (result != VKN_OK) return result;
    }
    return VKN_OK;
}

// Every combination of what changes the passes: the statistics' source, what is wanted, and the alignment.
static vkn_result prepare_all(vkn_context *context, const vkn_norm *norm, const vkn_geometry *geometry,
                              vkn_plan *plan) {
    const uint32_t saved = 1u << VKN_MEAN | 1u << VKN_RSTD;
    const uint32_t running = 1u << VKN_RUNNING_MEAN_OPERAND | 1u << VKN_RUNNING_VAR_OPERAND;
    const uint32_t gradients = 1u << VKN_DWEIGHT | 1u << VKN_DBIAS;
    const uint32_t wants[] = {1u << VKN_DX | gradients, 1u << VKN_DX, gradients};
    bool tracks = norm->kind == VKN_BATCH || norm->kind == VKN_INSTANCE;
    vkn_result result = VKN_OK;
    for (uint32_t choice = 0; choice < 4 && result == VKN_OK; ++choice) {
        vkn_limits limits = limits_of(context, choice & 1);
        bool from_running = choice & 2;
        if (from_running && !tracks) continue;
        vkn_request request = {.present = saved | (tracks ? running | 1u << VKN_BATCHES : 0u),
                               .training = tracks && !from_running,
                               .from_running = from_running,
                               .eps = norm->eps};
        result = vkn_plan_forward(plan, geometry, &limits, &request);
        if (result == VKN_OK) result = build_pipelines(context, plan);
        request.training = false;
        for (uint32_t want = 0; want < 6 && result == VKN_OK; ++want) {
            request.present = wants[want % 3] | (want < 3 ? saved : 0u) | (from_running ? running : 0u);
            result = vkn_plan_backward(plan, geometry, &limits, &request);
            if (result == VKN_OK) result = build_pipelines(context, plan);
        }
    }
    return result;
}

vkn_result vkn_norm_prepare(vkn_context *context, const vkn_norm *norm, const vkn_tensor *x) {
    if (!context) return vkn_fail(VKN_BAD_ARGUMENT, "context: NULL");
    if (!norm) return vkn_fail(VKN_BAD_ARGUMENT, "norm: NULL");
    if (!x) return vkn_fail(VKN_BAD_ARGUMENT, "x: NULL");
    vkn_geometry geometry;
    vkn_result result = vkn_context_alive(context);
    if (result == VKN_OK) result = vkn_geometry_make(norm, x, false, &geometry);
    if (result != VKN_OK) return result;
    vkn_plan plan = {0};
    result = prepare_all(context, norm, &geometry, &plan);
    free(plan.passes);
    return result;
}
