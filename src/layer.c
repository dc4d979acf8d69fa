// SPDX-License-Identifier: MIT
// The module: parameters and state in one buffer, calls of the public functions below it.
#include "layer.h"
#include "context.h"
#include "error.h"
#include "geometry.h"
#include "ranks.h"
#include "tensor.h"
#include <stdlib.h>

enum {
    SLOT_ALIGNMENT = 256, // what every device's descriptors and flushes take
    STATISTICS = 4,       // floats of a statistic group
};

// Buffers that others have taken the place of stay until the layer goes, because commands recorded earlier may still
// name them.
typedef struct held {
    vkn_buffer *buffer;
    struct held *older;
} held;

struct vkn_layer {
    vkn_context *context;
    vkn_layer_info info;
    vkn_buffer *buffer; // all slots
    VkDeviceSize offsets[VKN_SLOT_COUNT];
    bool has[VKN_SLOT_COUNT];
    bool training, frozen, accumulate;
    held *held;               // the buffers below, and older ones
    vkn_buffer *statistics;   // what forward saves, with room for `capacity` statistic groups
    uint64_t capacity, saved; // saved: those of the last forward
    vkn_ranks ranks;
};

static bool tracks(vkn_kind kind) {
    return kind == VKN_BATCH || kind == VKN_INSTANCE;
}

vkn_layer_info vkn_layer_defaults(vkn_kind kind, uint32_t features) {
    bool affine = kind != VKN_INSTANCE;
    return (vkn_layer_info){
        .norm = vkn_norm_defaults(kind),
        .features = features,
        .momentum = 0.1f,
        .weight = affine,
        .bias = affine && kind != VKN_RMS,
        .track_running_stats = kind == VKN_BATCH,
    };
}

static vkn_result check_info(const vkn_layer_info *info) {
    vkn_kind kind = info->norm.kind;
    vkn_result result = vkn_norm_check(&info->norm);
    if (result != VKN_OK) return result;
    if (info->features == 0) return vkn_fail(VKN_BAD_ARGUMENT, "features: 0, must be at least 1");
    if (kind == VKN_GROUP && info->features % info->norm.groups)
        return vkn_fail(VKN_BAD_ARGUMENT, "num_channels must be divisible by num_groups: %u and %u", info->features,
                        info->norm.groups);
    if (kind == VKN_RMS && info->bias) return vkn_fail(VKN_BAD_ARGUMENT, "bias: rms norm has none");
    if (info->track_running_stats && !tracks(kind))
        return vkn_fail(VKN_BAD_ARGUMENT, "track_running_stats: only batch and instance norm have running statistics");
    bool momentum = info->momentum == VKN_MOMENTUM_CUMULATIVE || (info->momentum >= 0 && info->momentum <= 1);
    if (info->track_running_stats && !momentum)
        return vkn_fail(VKN_BAD_ARGUMENT, "momentum: %g, must be 0 to 1, or VKN_MOMENTUM_CUMULATIVE",
                        (double)info->momentum);
    return VKN_OK;
}

static VkDeviceSize slot_bytes(const vkn_layer *layer, vkn_slot slot) {
    return slot == VKN_NUM_BATCHES_TRACKED ? 8 : (VkDeviceSize)layer->info.features * 4;
}

static vkn_result create_slots(vkn_layer *layer) {
    const vkn_layer_info *info = &layer->info;
    const bool has[VKN_SLOT_COUNT] = {
        [VKN_WEIGHT] = info->weight,
        [VKN_BIAS] = info->bias,
        [VKN_WEIGHT_GRAD] = info->weight,
        [VKN_BIAS_GRAD] = info->bias,
        [VKN_RUNNING_MEAN] = info->track_running_stats,
        [VKN_RUNNING_VAR] = info->track_running_stats,
        [VKN_NUM_BATCHES_TRACKED] = info->track_running_stats,
    };
    VkDeviceSize total = 0;
    for (int slot = 0; slot < VKN_SLOT_COUNT; ++slot) {
        layer->has[slot] = has[slot];
        layer->offsets[slot] = total;
        VkDeviceSize bytes = has[slot] ? slot_bytes(layer, (vkn_slot)slot) : 0;
        total += (bytes + SLOT_ALIGNMENT - 1) / SLOT_ALIGNMENT * SLOT_ALIGNMENT;
    }
    if (total == 0) return VKN_OK;
    float *initial = calloc(total / 4, sizeof *initial);
    if (!initial) return vkn_fail(VKN_OUT_OF_MEMORY, "layer: %llu bytes of host memory", (unsigned long long)total);
    const struct {
        vkn_slot slot;
        float value;
    } starts[] = {{VKN_WEIGHT, 1.0f - info->norm.weight_offset}, {VKN_RUNNING_VAR, 1.0f}};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; ++i)
        for (uint32_t k = 0; layer->has[starts[i].slot] && k < info->features; ++k)
            initial[layer->offsets[starts[i].slot] / 4 + k] = starts[i].value;
    vkn_result result = vkn_buffer_create(layer->context, total, &layer->buffer);
    if (result == VKN_OK) result = vkn_buffer_upload(layer->buffer, 0, initial, total);
    free(initial);
    return result;
}

vkn_result vkn_layer_create(vkn_context *context, const vkn_layer_info *info, vkn_layer **out) {
    if (!out) return vkn_fail(VKN_BAD_ARGUMENT, "out: NULL");
    *out = NULL;
    if (!context) return vkn_fail(VKN_BAD_ARGUMENT, "context: NULL");
    if (!info) return vkn_fail(VKN_BAD_ARGUMENT, "info: NULL");
    vkn_result result = check_info(info);
    if (result != VKN_OK) return result;
    vkn_layer *layer = calloc(1, sizeof *layer);
    if (!layer) return vkn_fail(VKN_OUT_OF_MEMORY, "layer: out of host memory");
    layer->context = context;
    layer->info = *info;
    layer->training = true;
    result = create_slots(layer);
    if (result != VKN_OK) {
        vkn_layer_destroy(layer);
        return result;
    }
    *out = layer;
    return VKN_OK;
}

void vkn_layer_destroy(vkn_layer *layer) {
    if (!layer) return;
    while (layer->held) {
        held *older = layer->held->older;
        vkn_buffer_destroy(layer->held->buffer);
        free(layer->held);
        layer->held = older;
    }
    vkn_ranks_free(&layer->ranks);
    vkn_buffer_destroy(layer->buffer);
    free(layer);
}

const vkn_layer_info *vkn_layer_about(const vkn_layer *layer) {
    return &layer->info;
}

void vkn_layer_train(vkn_layer *layer, bool training) {
    layer->training = training;
}

void vkn_layer_freeze(vkn_layer *layer, bool frozen) {
    layer->frozen = frozen;
}

void vkn_layer_accumulate(vkn_layer *layer, bool accumulate) {
    layer->accumulate = accumulate;
}

static bool trains(const vkn_layer *layer) {
    return layer->training && !layer->frozen;
}

static bool uses_running(const vkn_layer *layer) {
    return layer->info.track_running_stats && !trains(layer);
}

static bool synchronized(const vkn_layer *layer) {
    return layer->ranks.count && trains(layer);
}

vkn_tensor vkn_layer_tensor(const vkn_layer *layer, vkn_slot slot) {
    if ((uint32_t)slot >= VKN_SLOT_COUNT || !layer->has[slot]) return (vkn_tensor){0};
    bool count = slot == VKN_NUM_BATCHES_TRACKED;
    uint32_t size = count ? 1 : layer->info.features;
    return vkn_tensor_make(vkn_buffer_handle(layer->buffer), layer->offsets[slot], count ? VKN_I64 : VKN_F32,
                           VKN_CHANNELS_FIRST, 1, &size);
}

static vkn_result check_slot(const vkn_layer *layer, vkn_slot slot, VkDeviceSize bytes) {
    if (!layer) return vkn_fail(VKN_BAD_ARGUMENT, "layer: NULL");
    if ((uint32_t)slot >= VKN_SLOT_COUNT || !layer->has[slot])
        return vkn_fail(VKN_BAD_ARGUMENT, "slot: this layer has no slot %d", (int)slot);
    if (bytes != slot_bytes(layer, slot))
        return vkn_fail(VKN_BAD_ARGUMENT, "bytes: %llu, slot %d has %llu", (unsigned long long)bytes, (int)slot,
                        (unsigned long long)slot_bytes(layer, slot));
    return VKN_OK;
}

vkn_result vkn_layer_upload(vkn_layer *layer, vkn_slot slot, const void *data, VkDeviceSize bytes) {
    vkn_result result = check_slot(layer, slot, bytes);
    return result == VKN_OK ? vkn_buffer_upload(layer->buffer, layer->offsets[slot], data, bytes) : result;
}

vkn_result vkn_layer_download(vkn_layer *layer, vkn_slot slot, void *data, VkDeviceSize bytes) {
    vkn_result result = check_slot(layer, slot, bytes);
    return result == VKN_OK ? vkn_buffer_download(layer->buffer, layer->offsets[slot], data, bytes) : result;
}

// A buffer that lives as long as the layer.
static vkn_result hold(vkn_layer *layer, VkDeviceSize bytes, vkn_buffer **out) {
    held *newest = calloc(1, sizeof *newest);
    if (!newest) return vkn_fail(VKN_OUT_OF_MEMORY, "layer: out of host memory");
    vkn_result result = vkn_buffer_create(layer->context, bytes, &newest->buffer);
    if (result != VKN_OK) {
        free(newest);
        return result;
    }
    newest->older = layer->held;
    layer->held = newest;
    *out = newest->buffer;
    return VKN_OK;
}

vkn_result vkn_layer_synchronize(vkn_layer *layer, const vkn_communicator *communicator) {
    if (!layer) return vkn_fail(VKN_BAD_ARGUMENT, "layer: NULL");
    vkn_ranks ranks = {0};
    if (communicator) {
        if (layer->info.norm.kind != VKN_BATCH)
            return vkn_fail(VKN_BAD_ARGUMENT, "layer: kind %d, only batch norm (%d) can be synchronized",
                            (int)layer->info.norm.kind, (int)VKN_BATCH);
        vkn_result result = vkn_ranks_make(communicator, layer->info.features, &ranks);
        if (result == VKN_OK) result = hold(layer, vkn_ranks_bytes(&ranks), &ranks.buffer);
        if (result != VKN_OK) {
            vkn_ranks_free(&ranks);
            return result;
        }
    }
    vkn_ranks_free(&layer->ranks);
    layer->ranks = ranks;
    return VKN_OK;
}

// ---- Forward and backward ------------------------------------------------------------------------------------------
// x must have the layer's features, in PyTorch's words. `groups`: those whose statistics x needs; none where the
// running ones are used, or where x is empty and no other rank has more.
static vkn_result check_input(const vkn_layer *layer, const vkn_tensor *x, uint64_t *groups) {
    char shape[VKN_SHAPE_TEXT];
    const vkn_layer_info *info = &layer->info;
    bool by_shape = info->norm.kind == VKN_LAYER || info->norm.kind == VKN_RMS;
    if (!by_shape && x->rank > 1 && x->shape[1] != info->features) {
        if (info->norm.kind == VKN_GROUP)
            return vkn_fail(VKN_BAD_ARGUMENT,
                            "Expected weight to be a vector of size equal to the number of channels in input, but got "
                            "weight of shape [%u] and input of shape %s",
                            info->features, vkn_shape_text(x, shape));
        return vkn_fail(VKN_BAD_ARGUMENT, "running_mean should contain %u elements not %u", x->shape[1],
                        info->features);
    }
    vkn_geometry geometry;
    vkn_result result = vkn_geometry_make(&info->norm, x, false, &geometry);
    if (result != VKN_OK) return result;
    if (geometry.features != info->features)
        return vkn_fail(VKN_BAD_ARGUMENT,
                        "Given normalized_shape=[%u], expected input with shape [*, %u], but got input of size%s",
                        info->features, info->features, vkn_shape_text(x, shape));
    bool own = !uses_running(layer) && (geometry.elements || synchronized(layer));
    *groups = own ? geometry.groups : 0;
    if (*groups > UINT32_MAX)
        return vkn_fail(VKN_UNSUPPORTED, "x: %llu statistic groups, a layer saves those of at most %u",
                        (unsigned long long)*groups, UINT32_MAX);
    return VKN_OK;
}

static vkn_tensor saved_statistics(const vkn_layer *layer, uint64_t groups) {
    const uint32_t shape[] = {(uint32_t)groups, STATISTICS};
    return vkn_tensor_make(vkn_buffer_handle(layer->statistics), 0, VKN_F32, VKN_CHANNELS_FIRST, 2, shape);
}

static vkn_tensor or_absent(const vkn_tensor *tensor) {
    return tensor ? *tensor : (vkn_tensor){0};
}

vkn_result vkn_layer_forward_residual(vkn_recorder *recorder, vkn_layer *layer, const vkn_tensor *x,
                                      const vkn_tensor *residual, const vkn_tensor *h, const vkn_tensor *y) {
    if (!layer) return vkn_fail(VKN_BAD_ARGUMENT, "layer: NULL");
    if (!x) return vkn_fail(VKN_BAD_ARGUMENT, "x: NULL");
    if (!y) return vkn_fail(VKN_BAD_ARGUMENT, "y: NULL");
    uint64_t groups = 0;
    vkn_result result = check_input(layer, x, &groups);
    if (result == VKN_OK && groups > layer->capacity) {
        result = hold(layer, groups * STATISTICS * sizeof(float), &layer->statistics);
        if (result == VKN_OK) layer->capacity = groups;
    }
    if (result != VKN_OK) return result;
    const vkn_norm *norm = &layer->info.norm;
    vkn_forward_args args = {
        .x = *x,
        .y = *y,
        .residual = or_absent(residual),
        .h = or_absent(h),
        .weight = vkn_layer_tensor(layer, VKN_WEIGHT),
        .bias = vkn_layer_tensor(layer, VKN_BIAS),
        .running_mean = vkn_layer_tensor(layer, VKN_RUNNING_MEAN),
        .running_var = vkn_layer_tensor(layer, VKN_RUNNING_VAR),
        .num_batches_tracked = vkn_layer_tensor(layer, VKN_NUM_BATCHES_TRACKED),
        .momentum = layer->info.momentum,
        .training = trains(layer),
        .biased_running_var = layer->info.biased_running_var,
    };
    if (groups) args.statistics = saved_statistics(layer, groups);
    result = synchronized(layer) ? vkn_ranks_forward(&layer->ranks, recorder, norm, &args)
                                 : vkn_norm_forward(recorder, norm, &args);
    if (result == VKN_OK) layer->saved = groups;
    return result;
}

vkn_result vkn_layer_backward_residual(vkn_recorder *recorder, vkn_layer *layer, const vkn_tensor *x,
                                       const vkn_tensor *dy, const vkn_tensor *residual, const vkn_tensor *dh,
                                       const vkn_tensor *dx, const vkn_tensor *dresidual) {
    if (!layer) return vkn_fail(VKN_BAD_ARGUMENT, "layer: NULL");
    if (!x) return vkn_fail(VKN_BAD_ARGUMENT, "x: NULL");
    if (!dy) return vkn_fail(VKN_BAD_ARGUMENT, "dy: NULL");
    uint64_t groups = 0;
    vkn_result result = check_input(layer, x, &groups);
    if (result != VKN_OK) return result;
    if (groups > layer->saved)
        return vkn_fail(VKN_BAD_ARGUMENT, "x: %llu statistic groups, but the last forward has saved those of %llu",
                        (unsigned long long)groups, (unsigned long long)layer->saved);
    const vkn_norm *norm = &layer->info.norm;
    vkn_backward_args args = {
        .x = *x,
        .dy = *dy,
        .residual = or_absent(residual),
        .weight = vkn_layer_tensor(layer, VKN_WEIGHT),
        .bias = vkn_layer_tensor(layer, VKN_BIAS),
        .dh = or_absent(dh),
        .dx = or_absent(dx),
        .dresidual = or_absent(dresidual),
        .training = trains(layer),
        .accumulate = layer->accumulate,
    };
    if (uses_running(layer)) {
        args.running_mean = vkn_layer_tensor(layer, VKN_RUNNING_MEAN);
        args.running_var = vkn_layer_tensor(layer, VKN_RUNNING_VAR);
    }
    if (!layer->frozen) {
        args.dweight = vkn_layer_tensor(layer, VKN_WEIGHT_GRAD);
        args.dbias = vkn_layer_tensor(layer, VKN_BIAS_GRAD);
    }
    if (groups) args.statistics = saved_statistics(layer, groups);
    // Only dx depends on what other ranks have.
    bool exchanges = synchronized(layer) && vkn_tensor_present(&args.dx);
    return exchanges ? vkn_ranks_backward(&layer->ranks, recorder, norm, &args)
                     : vkn_norm_backward(recorder, norm, &args);
}

vkn_result vkn_layer_forward(vkn_recorder *recorder, vkn_layer *layer, const vkn_tensor *x, const vkn_tensor *y) {
    return vkn_layer_forward_residual(recorder, layer, x, NULL, NULL, y);
}

vkn_result vkn_layer_backward(vkn_recorder *recorder, vkn_layer *layer, const vkn_tensor *x, const vkn_tensor *dy,
                              const vkn_tensor *dx) {
    return vkn_layer_backward_residual(recorder, layer, x, dy, NULL, NULL, dx, NULL);
}
