// SPDX-License-Identifier: MIT
#include "ranks.h"
#include "check.h"
#include "error.h"
#include "recorder.h"
#include "tensor.h"
#include <stdlib.h>

enum { RECORD = 4, COUNT_OF_MOMENTS = 3, ALIGNMENT = 256 };

// What one rank has, in bytes.
static size_t share(const vkn_ranks *ranks) {
    return (size_t)ranks->groups * RECORD * sizeof(float);
}

// From one part of the buffer to the next: this rank's, the merged one, and that of all.
static VkDeviceSize stride(const vkn_ranks *ranks) {
    return (share(ranks) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

vkn_result vkn_ranks_make(const vkn_communicator *communicator, uint32_t groups, vkn_ranks *out) {
    *out = (vkn_ranks){0};
    if (!communicator->place) return vkn_fail(VKN_BAD_ARGUMENT, "communicator.place: NULL");
    if (!communicator->all_gather) return vkn_fail(VKN_BAD_ARGUMENT, "communicator.all_gather: NULL");
    vkn_ranks made = {.communicator = *communicator, .groups = groups};
    communicator->place(communicator->user, &made.rank, &made.count);
    if (made.rank >= made.count)
        return vkn_fail(VKN_BAD_ARGUMENT, "communicator.place: rank %u of %u ranks", made.rank, made.count);
    bool fits = made.count < SIZE_MAX / 4 / share(&made);
    made.host = fits ? malloc(share(&made) * (made.count + (size_t)1)) : NULL;
    if (!made.host)
        return vkn_fail(VKN_OUT_OF_MEMORY, "communicator.place: no host memory for %u ranks of %zu bytes", made.count,
                        share(&made));
    *out = made;
    return VKN_OK;
}

void vkn_ranks_free(vkn_ranks *ranks) {
    free(ranks->host);
    *ranks = (vkn_ranks){0};
}

VkDeviceSize vkn_ranks_bytes(const vkn_ranks *ranks) {
    return 2 * stride(ranks) + share(ranks) * ranks->count;
}

// ---- The parts of the buffer
// -----------------------------------------------------------------------------------------
static vkn_tensor records(const vkn_ranks *ranks, VkDeviceSize offset, uint32_t count) {
    const uint32_t shape[] = {count, ranks->groups, RECORD};
    return vkn_tensor_make(vkn_buffer_handle(ranks->buffer), offset, VKN_F32, VKN_CHANNELS_FIRST, 3, shape);
}

static vkn_tensor mine(const vkn_ranks *ranks) {
    return records(ranks, 0, 1);
}

static vkn_tensor merged(const vkn_ranks *ranks) {
    return records(ranks, stride(ranks), 1);
}

static vkn_tensor all(const vkn_ranks *ranks) {
    return records(ranks, 2 * stride(ranks), ranks->count);
}

// ---- The exchange
// ----------------------------------------------------------------------------------------------------
static vkn_result check_recorder(const vkn_recorder *recorder) {
    vkn_result result = vkn_recorder_ready(recorder);
    if (result != VKN_OK) return result;
    if (recorder->commands != recorder->own)
        return vkn_fail(VKN_BAD_ARGUMENT,
                        "recorder: records into your command buffer %p; a synchronized layer submits, and needs the "
                        "recorder's own (vkn_recorder_begin with VK_NULL_HANDLE)",
                        (void *)recorder->commands);
    if (!recorder->context->queue)
        return vkn_fail(VKN_UNSUPPORTED, "queue: VK_NULL_HANDLE was borrowed, so this context cannot submit");
    return VKN_OK;
}

// Runs what the recorder holds, and brings to `all` what every rank has in `mine`. The recorder has begun anew before
// anything can fail that the other ranks have a part in.
static vkn_result exchange(const vkn_ranks *ranks, vkn_recorder *recorder) {
    const vkn_communicator *communicator = &ranks->communicator;
    float *everyone = ranks->host + share(ranks) / sizeof(float);
    vkn_result result = vkn_recorder_submit_and_wait(recorder);
    if (result == VKN_OK) result = vkn_recorder_begin(recorder, VK_NULL_HANDLE);
    if (result == VKN_OK) result = vkn_buffer_download(ranks->buffer, mine(ranks).offset, ranks->host, share(ranks));
    if (result != VKN_OK) return result;
    int code = communicator->all_gather(communicator->user, ranks->host, everyone, share(ranks));
    if (code)
        return vkn_fail(VKN_IO, "communicator.all_gather: error %d, on rank %u of %u", code, ranks->rank, ranks->count);
    return vkn_buffer_upload(ranks->buffer, all(ranks).offset, everyone, share(ranks) * ranks->count);
}

// After the exchange the recorder holds only what this call has put there: nothing, where it fails.
static vkn_result clear_failed(vkn_recorder *recorder, vkn_result result) {
    if (result != VKN_OK && recorder->recording) vkn_recorder_begin(recorder, VK_NULL_HANDLE);
    return result;
}

// Elements of a channel, over all ranks.
static double count_values(const vkn_ranks *ranks) {
    const float *everyone = ranks->host + share(ranks) / sizeof(float);
    double count = 0;
    for (uint32_t r = 0; r < ranks->count; ++r)
        count += (double)everyone[r * (size_t)ranks->groups * RECORD + COUNT_OF_MOMENTS];
    return count;
}

// ---- Forward and backward
// --------------------------------------------------------------------------------------------
static vkn_result forward_merged(const vkn_ranks *ranks, vkn_recorder *recorder, const vkn_norm *norm,
                                 const vkn_forward_args *args) {
    const vkn_tensor from = all(ranks);
    double values = count_values(ranks);
    if (values == 1)
        return vkn_fail(VKN_BAD_ARGUMENT,
                        "Expected more than 1 value per channel when training, got 1 in the batches of all ranks (%u)",
                        ranks->count);
    if (values == 0) { // as an empty batch on one device
        vkn_forward_args alone = *args;
        alone.moments = (vkn_tensor){0};
        return vkn_norm_forward(recorder, norm, &alone);
    }
    vkn_result result = vkn_norm_merge_moments(recorder, &from, ranks->count, &args->moments);
    if (result == VKN_OK) result = vkn_recorder_barrier(recorder);
    return result == VKN_OK ? vkn_norm_forward(recorder, norm, args) : result;
}

vkn_result vkn_ranks_forward(const vkn_ranks *ranks, vkn_recorder *recorder, const vkn_norm *norm,
                             const vkn_forward_args *given) {
    vkn_geometry geometry;
    vkn_forward_args args = *given;
    args.moments = merged(ranks);
    const vkn_tensor to = mine(ranks);
    vkn_result result = check_recorder(recorder);
    if (result == VKN_OK && vkn_tensor_present(&args.h))
        result = vkn_fail(VKN_BAD_ARGUMENT, "h: a layer synchronized over %u ranks takes no residual before the norm",
                          ranks->count);
    if (result == VKN_OK) result = vkn_check_forward(norm, &args, &geometry);
    if (result == VKN_OK) result = vkn_norm_moments(recorder, norm, &args.x, &to);
    if (result != VKN_OK) return result;
    result = exchange(ranks, recorder);
    if (result == VKN_OK) result = forward_merged(ranks, recorder, norm, &args);
    return clear_failed(recorder, result);
}

vkn_result vkn_ranks_backward(const vkn_ranks *ranks, vkn_recorder *recorder, const vkn_norm *norm,
                              const vkn_backward_args *given) {
    vkn_geometry geometry;
    vkn_backward_args args = *given;
    args.sums = merged(ranks);
    const vkn_tensor to = mine(ranks), from = all(ranks);
    vkn_result result = check_recorder(recorder);
    vkn_backward_args checked = args; // of which the check takes away what the call does not look at
    if (result == VKN_OK) result = vkn_check_backward(norm, &checked, false, &geometry);
    if (result == VKN_OK) result = vkn_norm_sums(recorder, norm, &args, &to);
    if (result != VKN_OK) return result;
    result = exchange(ranks, recorder);
    if (result == VKN_OK) result = vkn_norm_merge_sums(recorder, &from, ranks->count, &args.sums);
    if (result == VKN_OK) result = vkn_recorder_barrier(recorder);
    if (result == VKN_OK) result = vkn_norm_backward(recorder, norm, &args);
    return clear_failed(recorder, result);
}
