// SPDX-License-Identifier: MIT
#include "case_shapes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct {
    vkn_safetensors_dtype stored;
    vkn_dtype dtype;
} dtypes[] = {{VKN_SAFETENSORS_F32, VKN_F32},
              {VKN_SAFETENSORS_F16, VKN_F16},
              {VKN_SAFETENSORS_BF16, VKN_BF16},
              {VKN_SAFETENSORS_I64, VKN_I64}};

static int find_dtype(const norm_case *item, const char *name, vkn_safetensors_dtype stored, vkn_dtype *out) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (dtypes[i].stored == stored) {
            *out = dtypes[i].dtype;
            return COMMAND_OK;
        }
    }
    return command_fail("case %.80s: %s has dtype %s, not F32, F16, BF16 or I64", item->name, name,
                        vkn_safetensors_dtype_name(stored));
}

static int too_large(const norm_case *item, const char *name, uint64_t size) {
    return command_fail("case %.80s: %s has a size of %" PRIu64 ", at most %" PRIu32 " can be done", item->name, name,
                        size, UINT32_MAX);
}

int shape_as_x(const norm_case *item, const char *name, const vkn_safetensor *stored, vkn_tensor *out) {
    vkn_dtype dtype = VKN_F32;
    if (find_dtype(item, name, stored->dtype, &dtype) != COMMAND_OK) {
        return COMMAND_FAILED;
    }
    uint32_t shape[VKN_SAFETENSORS_MAX_RANK];
    const uint32_t rank = stored->rank;
    const bool last = item->layout == VKN_CHANNELS_LAST && rank > 1;
    for (uint32_t i = 0; i < rank; i++) {
        // [N, spatial..., C] becomes [N, C, spatial...].
        const uint64_t size = stored->shape[!last || i == 0 ? i : (i == 1 ? rank - 1 : i - 1)];
        if (size > UINT32_MAX) {
            return too_large(item, name, size);
        }
        shape[i] = (uint32_t)size;
    }
    *out = vkn_tensor_make(VK_NULL_HANDLE, 0, dtype, item->layout, rank, shape);
    return COMMAND_OK;
}

static uint64_t count_elements(const vkn_safetensor *stored) {
    return stored->bytes / vkn_safetensors_dtype_bytes(stored->dtype);
}

int shape_parameter(const norm_case *item, const char *name, const vkn_safetensor *stored, vkn_tensor *out) {
    vkn_dtype dtype = VKN_F32;
    if (find_dtype(item, name, stored->dtype, &dtype) != COMMAND_OK) {
        return COMMAND_FAILED;
    }
    const uint64_t count = count_elements(stored);
    if (count > UINT32_MAX) {
        return too_large(item, name, count);
    }
    *out = vkn_tensor_make(VK_NULL_HANDLE, 0, dtype, VKN_CHANNELS_FIRST, 1, (const uint32_t[]){(uint32_t)count});
    return COMMAND_OK;
}

static uint64_t channels_of(const norm_case *item, const vkn_safetensor *x) {
    const uint32_t place = item->layout == VKN_CHANNELS_LAST ? x->rank - 1 : 1;
    return x->rank > 1 ? x->shape[place] : 0;
}

void shape_statistics(const norm_case *item, const vkn_safetensor *x, vkn_tensor *out, vkn_safetensor *stored) {
    // The sizes of one statistic a channel, a sample and channel, a sample and group.
    enum { NONE, SAMPLES, CHANNELS, GROUPS };
    static const unsigned char sizes[][2] = {
        [VKN_BATCH] = {CHANNELS, NONE},  [VKN_INSTANCE] = {SAMPLES, CHANNELS},
        [VKN_GROUP] = {SAMPLES, GROUPS}, [VKN_LAYER] = {NONE, NONE},
        [VKN_RMS] = {NONE, NONE},
    };
    const uint64_t values[] = {
        [SAMPLES] = x->rank > 0 ? x->shape[0] : 0, [CHANNELS] = channels_of(item, x), [GROUPS] = item->norm.groups};
    *stored = (vkn_safetensor){.dtype = VKN_SAFETENSORS_F32};
    for (int i = 0; i < 2; i++) {
        const unsigned char size = sizes[item->norm.kind][i];
        if (size != NONE) {
            stored->shape[stored->rank++] = values[size];
        }
    }
    // Layer and rms: what stands before the normalized dimensions, which can be nothing.
    if (sizes[item->norm.kind][0] == NONE) {
        stored->rank = x->rank - item->norm.normalized_rank;
        memcpy(stored->shape, x->shape, stored->rank * sizeof *x->shape);
    }
    stored->bytes = vkn_safetensors_bytes(stored->dtype, stored->rank, stored->shape);
    // Sizes are x's, and x leaves one dimension or more to be normalized: it all fits.
    uint32_t shape[VKN_MAX_RANK];
    for (uint32_t i = 0; i < stored->rank; i++) {
        shape[i] = (uint32_t)stored->shape[i];
    }
    shape[stored->rank] = STATISTICS_COUNT;
    *out = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, VKN_CHANNELS_FIRST, stored->rank + 1, shape);
}

static bool has_shape(const vkn_safetensor *stored, uint32_t rank, const uint64_t *shape) {
    return rank == stored->rank && memcmp(shape, stored->shape, rank * sizeof *shape) == 0;
}

static bool has_count(const vkn_safetensor *stored, uint32_t rank, const uint64_t *shape) {
    return count_elements(stored) == vkn_safetensors_bytes(VKN_SAFETENSORS_U8, rank, shape);
}

int shape_check(const norm_case *item, const char *name, const vkn_safetensor *x, bool affine,
                const vkn_safetensor *stored) {
    // N, and behind it the shape of what all samples share.
    uint64_t shape[VKN_SAFETENSORS_MAX_RANK + 1] = {x->rank > 0 ? x->shape[0] : 0, channels_of(item, x)};
    const bool whole = item->norm.kind == VKN_LAYER || item->norm.kind == VKN_RMS;
    uint32_t rank = 1;
    if (affine && whole) {
        rank = item->norm.normalized_rank;
        if (rank > x->rank) {
            return COMMAND_OK;
        }
        memcpy(shape + 1, x->shape + x->rank - rank, rank * sizeof *shape);
    } else if (stored->dtype == VKN_SAFETENSORS_I64) {
        shape[1] = 1;
        rank = stored->rank == 0 ? 0 : 1;
    }
    const bool per_sample = affine && (!whole || rank < x->rank);
    if (has_shape(stored, rank, shape + 1) || (per_sample && has_shape(stored, rank + 1, shape))) {
        return COMMAND_OK;
    }
    if (!has_count(stored, rank, shape + 1) && !(per_sample && has_count(stored, rank + 1, shape))) {
        return COMMAND_OK;
    }
    return command_fail("case %.80s: %s has shape %s, but must have %s%s%s", item->name, name,
                        vkn_safetensors_print_shape(stored->rank, stored->shape).text,
                        vkn_safetensors_print_shape(rank, shape + 1).text, per_sample ? " or " : "",
                        per_sample ? vkn_safetensors_print_shape(rank + 1, shape).text : "");
}
