// SPDX-License-Identifier: MIT
#include "check.h"
#include "error.h"
#include "tensor.h"
#include <string.h>

// A tensor argument: its field's name, and what is asked of it.
typedef struct argument {
    const char *name;
    const vkn_tensor *tensor;
    uint64_t count;  // elements that it must have
    vkn_dtype dtype; // that it must have
    bool like_x;     // shape and layout too
    bool written;
} argument;

static const char *const dtype_names[] = {[VKN_F32] = "f32", [VKN_F16] = "f16", [VKN_BF16] = "bf16", [VKN_I64] = "i64"};

// `data`: x and what is like it, which the API lets be of other floating types.
static vkn_result check_storage(const char *name, const vkn_tensor *tensor, vkn_dtype dtype, bool data) {
    uint32_t bytes = vkn_dtype_bytes(tensor->dtype);
    if (bytes == 0) return vkn_fail(VKN_BAD_ARGUMENT, "%s: dtype %d is no dtype", name, (int)tensor->dtype);
    if (tensor->dtype != dtype)
        return vkn_fail(data ? VKN_UNSUPPORTED : VKN_BAD_ARGUMENT, "%s: dtype %s; %s is %s", name,
                        dtype_names[tensor->dtype], data ? "all that this release takes" : "what it must be",
                        dtype_names[dtype]);
    if (tensor->offset % bytes)
        return vkn_fail(VKN_BAD_ARGUMENT, "%s: offset %llu is not a multiple of its element size %u", name,
                        (unsigned long long)tensor->offset, bytes);
    return VKN_OK;
}

static vkn_result check_like_x(const char *name, const vkn_tensor *tensor, const vkn_tensor *x) {
    char shape[VKN_SHAPE_TEXT], other[VKN_SHAPE_TEXT];
    if (tensor->rank != x->rank || memcmp(tensor->shape, x->shape, x->rank * sizeof *x->shape) != 0)
        return vkn_fail(VKN_BAD_ARGUMENT, "%s: shape %s, must be that of x: %s", name, vkn_shape_text(tensor, shape),
                        vkn_shape_text(x, other));
    if (tensor->layout != x->layout)
        return vkn_fail(VKN_BAD_ARGUMENT, "%s: layout %d, must be that of x: %d", name, (int)tensor->layout,
                        (int)x->layout);
    return VKN_OK;
}

static vkn_result check_all(const argument *arguments, size_t count, const vkn_tensor *x) {
    for (size_t i = 0; i < count; ++i) {
        const argument *a = &arguments[i];
        if (!vkn_tensor_present(a->tensor)) continue;
        vkn_result result = check_storage(a->name, a->tensor, a->dtype, a->like_x);
        if (result == VKN_OK && a->like_x) result = check_like_x(a->name, a->tensor, x);
        if (result != VKN_OK) return result;
        uint64_t elements = vkn_tensor_count(a->tensor);
        if (elements != a->count)
            return vkn_fail(VKN_BAD_ARGUMENT, "%s should contain %llu elements not %llu", a->name,
                            (unsigned long long)a->count, (unsigned long long)elements);
    }
    // Elementwise results may stand in the place of an elementwise input; nothing else may share bytes.
    for (size_t i = 0; i < count; ++i) {
        for (size_t k = 0; k < count; ++k) {
            const argument *a = &arguments[i], *b = &arguments[k];
            if (i == k || !a->written || !vkn_tensors_overlap(a->tensor, b->tensor)) continue;
            if (a->like_x && b->like_x && !b->written && vkn_tensors_same(a->tensor, b->tensor)) continue;
            return vkn_fail(VKN_BAD_ARGUMENT, "%s: bytes from %llu of its buffer are also those of %s, from %llu",
                            a->name, (unsigned long long)a->tensor->offset, b->name,
                            (unsigned long long)b->tensor->offset);
        }
    }
    return VKN_OK;
}

static vkn_result must_be_present(const char *name, const vkn_tensor *tensor) {
    return vkn_tensor_present(tensor) ? VKN_OK : vkn_fail(VKN_BAD_ARGUMENT, "%s: absent, but it is needed", name);
}

static vkn_result must_be_absent(const char *name, const vkn_tensor *tensor, const char *why) {
    return vkn_tensor_present(tensor) ? vkn_fail(VKN_BAD_ARGUMENT, "%s: must be absent: %s", name, why) : VKN_OK;
}

static vkn_result check_running(vkn_kind kind, const vkn_tensor *mean, const vkn_tensor *var, bool training) {
    const char *why = "only batch and instance norm have running statistics";
    bool tracks = kind == VKN_BATCH || kind == VKN_INSTANCE;
    vkn_result result = tracks ? VKN_OK : must_be_absent("running_mean", mean, why);
    if (result == VKN_OK && !tracks) result = must_be_absent("running_var", var, why);
    if (result != VKN_OK || vkn_tensor_present(mean) == vkn_tensor_present(var)) return result;
    const char *missing = vkn_tensor_present(mean) ? "running_var" : "running_mean";
    const char *given = vkn_tensor_present(mean) ? "running_mean" : "running_var";
    if (!training) return vkn_fail(VKN_BAD_ARGUMENT, "%s must be defined in evaluation mode", missing);
    return vkn_fail(VKN_BAD_ARGUMENT, "%s: absent, but %s is given", missing, given);
}

static vkn_result check_momentum(const vkn_forward_args *args) {
    if (!args->training || !vkn_tensor_present(&args->running_mean)) return VKN_OK;
    if (args->momentum == VKN_MOMENTUM_CUMULATIVE) {
        if (vkn_tensor_present(&args->num_batches_tracked)) return VKN_OK;
        return vkn_fail(VKN_BAD_ARGUMENT, "num_batches_tracked: absent, but momentum is cumulative");
    }
    if (args->momentum >= 0 && args->momentum <= 1) return VKN_OK;
    return vkn_fail(VKN_BAD_ARGUMENT, "momentum: %g, must be 0 to 1, or VKN_MOMENTUM_CUMULATIVE",
                    (double)args->momentum);
}

static vkn_result check_kind(vkn_kind kind, const vkn_tensor *bias, const vkn_tensor *mean) {
    if (kind != VKN_RMS) return VKN_OK;
    vkn_result result = must_be_absent("bias", bias, "rms norm has none");
    return result == VKN_OK ? must_be_absent("mean", mean, "rms norm has none") : result;
}

vkn_result vkn_check_forward(const vkn_norm *norm, const vkn_forward_args *args, vkn_geometry *g) {
    if (!norm) return vkn_fail(VKN_BAD_ARGUMENT, "norm: NULL");
    if (!args) return vkn_fail(VKN_BAD_ARGUMENT, "args: NULL");
    bool from_running = !args->training && vkn_tensor_present(&args->running_mean);
    vkn_result result = vkn_norm_check(norm);
    if (result == VKN_OK) result = check_running(norm->kind, &args->running_mean, &args->running_var, args->training);
    if (result == VKN_OK) result = vkn_geometry_make(norm, &args->x, !from_running, g);
    // An empty tensor may have no buffer at all.
    if (result == VKN_OK && g->elements) result = must_be_present("x", &args->x);
    if (result == VKN_OK && g->elements) result = must_be_present("y", &args->y);
    if (result == VKN_OK) result = check_kind(norm->kind, &args->bias, &args->mean);
    if (result == VKN_OK) result = check_momentum(args);
    if (result != VKN_OK) return result;
    const argument arguments[] = {
        {"x", &args->x, g->elements, VKN_F32, true, false},
        {"y", &args->y, g->elements, VKN_F32, true, true},
        {"weight", &args->weight, g->features, VKN_F32, false, false},
        {"bias", &args->bias, g->features, VKN_F32, false, false},
        {"mean", &args->mean, g->groups, VKN_F32, false, true},
        {"rstd", &args->rstd, g->groups, VKN_F32, false, true},
        {"running_mean", &args->running_mean, g->channels, VKN_F32, false, args->training},
        {"running_var", &args->running_var, g->channels, VKN_F32, false, args->training},
        {"num_batches_tracked", &args->num_batches_tracked, 1, VKN_I64, false, args->training},
    };
    return check_all(arguments, sizeof arguments / sizeof *arguments, &args->x);
}

vkn_result vkn_check_backward(const vkn_norm *norm, const vkn_backward_args *args, vkn_geometry *g) {
    if (!norm) return vkn_fail(VKN_BAD_ARGUMENT, "norm: NULL");
    if (!args) return vkn_fail(VKN_BAD_ARGUMENT, "args: NULL");
    vkn_result result = vkn_norm_check(norm);
    if (result == VKN_OK) result = check_running(norm->kind, &args->running_mean, &args->running_var, args->training);
    if (result == VKN_OK) result = vkn_geometry_make(norm, &args->x, false, g);
    if (result == VKN_OK && g->elements) result = must_be_present("x", &args->x);
    if (result == VKN_OK && g->elements) result = must_be_present("dy", &args->dy);
    if (result == VKN_OK) result = check_kind(norm->kind, &args->dbias, &args->mean);
    if (result != VKN_OK) return result;
    const argument arguments[] = {
        {"x", &args->x, g->elements, VKN_F32, true, false},
        {"dy", &args->dy, g->elements, VKN_F32, true, false},
        {"weight", &args->weight, g->features, VKN_F32, false, false},
        {"mean", &args->mean, g->groups, VKN_F32, false, false},
        {"rstd", &args->rstd, g->groups, VKN_F32, false, false},
        {"running_mean", &args->running_mean, g->channels, VKN_F32, false, false},
        {"running_var", &args->running_var, g->channels, VKN_F32, false, false},
        {"dx", &args->dx, g->elements, VKN_F32, true, true},
        {"dweight", &args->dweight, g->features, VKN_F32, false, true},
        {"dbias", &args->dbias, g->features, VKN_F32, false, true},
    };
    return check_all(arguments, sizeof arguments / sizeof *arguments, &args->x);
}
