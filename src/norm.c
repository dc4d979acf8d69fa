// SPDX-License-Identifier: MIT
// The recording calls: check, plan, record.
#include "norm.h"
#include "check.h"
#include "error.h"
#include "tensor.h"
#include <string.h>

vkn_limits vkn_norm_limits(const vkn_context *context, uint32_t loads) {
    vkn_limits limits = context->limits;
    if (limits.vector > (loads & VKN_LOADS_WORDS)) limits.vector = loads & VKN_LOADS_WORDS;
    if (!(loads & VKN_LOADS_TEXELS)) limits.texels = 0;
    return limits;
}

// Where a call's tensors are, by operand, as far as they are there. Gives how they can be loaded: each tensor begins at
// a multiple of as many words (16 bytes hold one, or two of 16 bits), and all that a pass may read as x or dy have
// texels. In place, too: what a lane stores depends on its last load of the same bytes.
static uint32_t take_places(const vkn_named *all, size_t count, vkn_place places[VKN_OPERAND_COUNT],
                            uint32_t *present) {
    const uint32_t read = 1u << VKN_X | 1u << VKN_H | 1u << VKN_DY | 1u << VKN_DRESIDUAL;
    uint32_t words = all[0].tensor->dtype == VKN_F32 ? 1 : 2, texels = VKN_LOADS_TEXELS;
    for (size_t i = 0; i < count; ++i) {
        const vkn_tensor *tensor = all[i].tensor;
        if (!vkn_tensor_present(tensor)) continue;
        places[all[i].operand] = (vkn_place){tensor->buffer, tensor->offset, tensor->texels};
        *present |= 1u << all[i].operand;
        if (tensor->dtype != VKN_F32 && words > 1 && !vkn_tensor_aligned(tensor, 8)) words = 1;
        if (!vkn_tensor_aligned(tensor, 4)) words = 0;
        if (!tensor->texels && 1u << all[i].operand & read) texels = 0;
    }
    return words | texels;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static vkn_key key_of(vkn_planner planner, const vkn_norm *norm, const vkn_tensor *x, const vkn_request *request,
                      uint32_t loads) {
    vkn_key key = {
        .planner = planner,
        .kind = norm->kind,
        .groups = norm->groups,
        .normalized_rank = norm->normalized_rank,
        .activation = norm->activation,
        .eps = bits_of(norm->eps),
        .weight_offset = bits_of(norm->weight_offset),
        .momentum = bits_of(request->momentum),
        .layout = x->layout,
        .rank = x->rank,
        .dtype = request->dtype,
        .parameter_dtype = request->parameter_dtype,
        .present = request->present,
        .training = request->training,
        .from_running = request->from_running,
        .accumulate = request->accumulate,
        .biased_running_var = request->biased_running_var,
        .per_sample = request->per_sample,
        .loads = loads,
    };
    for (uint32_t i = 0; i < x->rank; ++i)
        key.shape[i] = x->shape[i];
    return key;
}

vkn_result vkn_norm_record(vkn_recorder *recorder, vkn_planner plan, const vkn_norm *norm, const vkn_geometry *geometry,
                           vkn_request *request, const vkn_named *all, size_t count) {
    vkn_place places[VKN_OPERAND_COUNT] = {0};
    request->present = 0;
    uint32_t loads = take_places(all, count, places, &request->present);
    vkn_key key = key_of(plan, norm, all[0].tensor, request, loads);
    const vkn_program *known = vkn_memo_find(&recorder->memo, &key);
    if (known) return vkn_recorder_record(recorder, known, places);
    vkn_program program = {0};
    vkn_limits limits = vkn_norm_limits(recorder->context, loads);
    vkn_result result = plan(&recorder->plan, geometry, &limits, request);
    if (result == VKN_OK) result = vkn_recorder_prepare(recorder, &program);
    if (result != VKN_OK) return result;
    vkn_memo_keep(&recorder->memo, &key, &program);
    return vkn_recorder_record(recorder, &program, places);
}

static vkn_request request_of(const vkn_norm *norm, const vkn_geometry *g, const vkn_tensor *x,
                              const vkn_tensor *const parameters[4]) {
    bool weight = vkn_tensor_present(parameters[0]);
    return (vkn_request){
        .per_sample = vkn_is_per_sample(g, parameters, 4),
        .dtype = x->dtype,
        .parameter_dtype = weight ? parameters[0]->dtype : parameters[1]->dtype,
        .activation = norm->activation,
        .eps = norm->eps,
        .weight_offset = norm->weight_offset,
    };
}

vkn_result vkn_norm_forward(vkn_recorder *recorder, const vkn_norm *norm, const vkn_forward_args *args) {
    vkn_geometry geometry;
    vkn_result result = vkn_recorder_ready(recorder);
    if (result == VKN_OK) result = vkn_check_forward(norm, args, &geometry);
    if (result != VKN_OK) return result;
    static const vkn_tensor absent;
    const vkn_tensor *const parameters[] = {&args->weight, &args->bias, &absent, &absent};
    vkn_request request = request_of(norm, &geometry, &args->x, parameters);
    request.training = args->training;
    request.from_running = !args->training && vkn_tensor_present(&args->running_mean);
    request.biased_running_var = args->biased_running_var;
    request.momentum = args->momentum;
    const vkn_named all[] = {
        {VKN_X, &args->x},
        {VKN_Y, &args->y},
        {VKN_RESIDUAL, &args->residual},
        {VKN_H, &args->h},
        {VKN_WEIGHT_OPERAND, &args->weight},
        {VKN_BIAS_OPERAND, &args->bias},
        {VKN_STATISTICS, &args->statistics},
        {VKN_MOMENTS, &args->moments},
        {VKN_RUNNING_MEAN_OPERAND, &args->running_mean},
        {VKN_RUNNING_VAR_OPERAND, &args->running_var},
        {VKN_BATCHES, &args->num_batches_tracked},
    };
    return vkn_norm_record(recorder, vkn_plan_forward, norm, &geometry, &request, all, sizeof all / sizeof *all);
}

// backward, or with `sums` its first half
static vkn_result record_backward(vkn_recorder *recorder, const vkn_norm *norm, const vkn_backward_args *given,
                                  const vkn_tensor *sums) {
    vkn_geometry geometry;
    vkn_result result = vkn_recorder_ready(recorder);
    if (result != VKN_OK) return result;
    if (!given) return vkn_fail(VKN_BAD_ARGUMENT, "args: NULL");
    vkn_backward_args args = *given;
    if (sums) args.sums = *sums;
    result = vkn_check_backward(norm, &args, sums != NULL, &geometry);
    if (result == VKN_OK && sums && geometry.groups) result = vkn_check_present("sums", sums);
    if (result != VKN_OK) return result;
    const vkn_tensor *const parameters[] = {&args.weight, &args.bias, &args.dweight, &args.dbias};
    vkn_request request = request_of(norm, &geometry, &args.x, parameters);
    request.from_running = !args.training && vkn_tensor_present(&args.running_mean);
    request.accumulate = args.accumulate;
    const vkn_named all[] = {
        {VKN_X, &args.x},
        {VKN_DY, &args.dy},
        {VKN_RESIDUAL, &args.residual},
        {VKN_WEIGHT_OPERAND, &args.weight},
        {VKN_BIAS_OPERAND, &args.bias},
        {VKN_STATISTICS, &args.statistics},
        {VKN_RUNNING_MEAN_OPERAND, &args.running_mean},
        {VKN_RUNNING_VAR_OPERAND, &args.running_var},
        {VKN_SUMS, &args.sums},
        {VKN_DH, &args.dh},
        {VKN_DX, &args.dx},
        {VKN_DRESIDUAL, &args.dresidual},
        {VKN_DWEIGHT, &args.dweight},
        {VKN_DBIAS, &args.dbias},
    };
    return vkn_norm_record(recorder, sums ? vkn_plan_sums : vkn_plan_backward, norm, &geometry, &request, all,
                           sizeof all / sizeof *all);
}

vkn_result vkn_norm_backward(vkn_recorder *recorder, const vkn_norm *norm, const vkn_backward_args *args) {
    return record_backward(recorder, norm, args, NULL);
}

vkn_result vkn_norm_sums(vkn_recorder *recorder, const vkn_norm *norm, const vkn_backward_args *args,
                         const vkn_tensor *sums) {
    if (!sums) return vkn_fail(VKN_BAD_ARGUMENT, "sums: NULL");
    return record_backward(recorder, norm, args, sums);
}
