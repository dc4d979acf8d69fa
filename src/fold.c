// SPDX-License-Identifier: MIT
// A batch norm's description and numbers, made into those of something else.
#include "error.h"
#include "layer.h"
#include "tensor.h"
#include <math.h>
#include <stdlib.h>

// Fetches a slot of `count` floats, or `missing` where the layer has none.
static vkn_result fetch(vkn_layer *layer, vkn_slot slot, uint32_t count, float missing, float *out) {
    vkn_tensor tensor = vkn_layer_tensor(layer, slot);
    if (vkn_tensor_present(&tensor)) return vkn_layer_download(layer, slot, out, (VkDeviceSize)count * sizeof *out);
    for (uint32_t i = 0; i < count; ++i)
        out[i] = missing;
    return VKN_OK;
}

static void fold(const vkn_layer_info *info, const float *parts, uint64_t per_channel, float *weights, float *bias) {
    const uint32_t count = info->features;
    const double offset = info->weight ? (double)info->norm.weight_offset : 0, eps = (double)info->norm.eps;
    const float *weight = parts, *shift = parts + count, *mean = shift + count, *variance = mean + count;
    for (uint32_t c = 0; c < count; ++c) {
        double scale = (offset + (double)weight[c]) / sqrt((double)variance[c] + eps);
        for (uint64_t i = 0; i < per_channel; ++i)
            weights[c * per_channel + i] = (float)((double)weights[c * per_channel + i] * scale);
        bias[c] = (float)(((double)bias[c] - (double)mean[c]) * scale + (double)shift[c]);
    }
}

vkn_result vkn_layer_fold(vkn_layer *layer, uint64_t per_channel, float *weights, float *bias) {
    static const struct {
        vkn_slot slot;
        float missing;
    } needed[] = {{VKN_WEIGHT, 1}, {VKN_BIAS, 0}, {VKN_RUNNING_MEAN, 0}, {VKN_RUNNING_VAR, 1}};
    enum { NEEDED = sizeof needed / sizeof *needed };
    if (!layer) return vkn_fail(VKN_BAD_ARGUMENT, "layer: NULL");
    const vkn_layer_info *info = vkn_layer_about(layer);
    if (info->norm.kind != VKN_BATCH || !info->track_running_stats)
        return vkn_fail(VKN_BAD_ARGUMENT, "layer: kind %d %s running statistics, must be batch norm (%d) with them",
                        (int)info->norm.kind, info->track_running_stats ? "with" : "without", (int)VKN_BATCH);
    if (info->norm.activation != VKN_NO_ACTIVATION)
        return vkn_fail(VKN_BAD_ARGUMENT, "activation: %d, must be none (%d), for folding would lose it",
                        (int)info->norm.activation, (int)VKN_NO_ACTIVATION);
    if (!weights && per_channel)
        return vkn_fail(VKN_BAD_ARGUMENT, "weights: NULL, per_channel is %llu", (unsigned long long)per_channel);
    if (!bias) return vkn_fail(VKN_BAD_ARGUMENT, "bias: NULL");
    uint32_t count = info->features;
    float *parts = calloc((size_t)count * NEEDED, sizeof *parts);
    if (!parts) return vkn_fail(VKN_OUT_OF_MEMORY, "fold: no host memory for %u channels", count);
    vkn_result result = VKN_OK;
    for (size_t i = 0; i < NEEDED && result == VKN_OK; ++i)
        result = fetch(layer, needed[i].slot, count, needed[i].missing, parts + i * count);
    if (result == VKN_OK) fold(info, parts, per_channel, weights, bias);
    free(parts);
    return result;
}

vkn_result vkn_layer_info_to_group(vkn_layer_info *info, uint32_t groups) {
    if (!info) return vkn_fail(VKN_BAD_ARGUMENT, "info: NULL");
    if (info->norm.kind != VKN_BATCH)
        return vkn_fail(VKN_BAD_ARGUMENT, "info: kind %d, must be batch norm (%d)", (int)info->norm.kind,
                        (int)VKN_BATCH);
    if (groups == 0 || info->features % groups)
        return vkn_fail(VKN_BAD_ARGUMENT, "num_channels must be divisible by num_groups: %u and %u", info->features,
                        groups);
    info->norm.kind = VKN_GROUP;
    info->norm.groups = groups;
    info->track_running_stats = false;
    return VKN_OK;
}
