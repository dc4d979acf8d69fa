// SPDX-License-Identifier: MIT
// Statistics across devices: the recording calls for moments, and for merging them and sums.
#include "check.h"
#include "error.h"
#include "norm.h"
#include "tensor.h"

vkn_result vkn_norm_moments(vkn_recorder *recorder, const vkn_norm *norm, const vkn_tensor *x,
                            const vkn_tensor *moments) {
    vkn_geometry geometry;
    vkn_result result = vkn_recorder_ready(recorder);
    if (result == VKN_OK) result = vkn_check_moments(norm, x, moments, &geometry);
    if (result != VKN_OK) return result;
    vkn_request request = {.dtype = x->dtype, .eps = norm->eps};
    const vkn_named all[] = {{VKN_X, x}, {VKN_MOMENTS, moments}};
    return vkn_norm_record(recorder, vkn_plan_moments, norm, &geometry, &request, all, sizeof all / sizeof *all);
}

static vkn_result merge(vkn_recorder *recorder, const vkn_tensor *all, uint32_t ranks, const vkn_tensor *merged,
                        bool moments) {
    vkn_result result = vkn_recorder_ready(recorder);
    if (result != VKN_OK) return result;
    if (ranks == 0) return vkn_fail(VKN_BAD_ARGUMENT, "ranks: 0, must be at least 1");
    if (!merged) return vkn_fail(VKN_BAD_ARGUMENT, "merged: NULL");
    uint64_t groups = vkn_tensor_count(merged) / 4;
    result = vkn_check_groups("merged", merged, groups);
    if (result == VKN_OK) result = vkn_check_groups("all", all, groups * ranks);
    if (result == VKN_OK) result = vkn_check_apart("merged", merged, "all", all);
    if (result != VKN_OK) return result;
    result = vkn_plan_merge(&recorder->plan, moments, groups, ranks, &recorder->context->limits);
    if (result != VKN_OK) return result;
    vkn_place places[VKN_OPERAND_COUNT] = {[VKN_RANKS] = {.buffer = all->buffer, .offset = all->offset}};
    places[moments ? VKN_MOMENTS : VKN_SUMS] = (vkn_place){.buffer = merged->buffer, .offset = merged->offset};
    return vkn_recorder_run(recorder, places);
}

vkn_result vkn_norm_merge_moments(vkn_recorder *recorder, const vkn_tensor *all, uint32_t ranks,
                                  const vkn_tensor *merged) {
    return merge(recorder, all, ranks, merged, true);
}

vkn_result vkn_norm_merge_sums(vkn_recorder *recorder, const vkn_tensor *all, uint32_t ranks,
                               const vkn_tensor *merged) {
    return merge(recorder, all, ranks, merged, false);
}
