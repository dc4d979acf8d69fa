// SPDX-License-Identifier: MIT
#include "check.h"
#include "error.h"
#include "tensor.h"
#include <string.h>

// What is asked of a tensor argument's dtype.
typedef enum kind_of_argument {
    DATA,      // x and what is as x: x's dtype, shape and layout
    PARAMETER, // weight, bias: f32 or x's dtype
    FLOATS,    // f32
    COUNTER,   // i64
} kind_of_argument;

typedef struct argument {
    const char *name;
    const vkn_tensor *tensor;
    uint64_t count; // elements that it must have
    kind_of_argument role;
    bool written;
    const char *over; // DATA that is written: names of those that it may lie on
} argument;
enum { MOST_ARGUMENTS = 14 }; // of one call

static const char *const dtype_names[] = {[VKN_F32] = "f32", [VKN_F16] = "f16", [VKN_BF16] = "bf16", [VKN_I64] = "i64"};

static vkn_result check_dtype(const char *name, vkn_dtype dtype, kind_of_argument role, vkn_dtype of_x) {
    const char *given = vkn_dtype_bytes(dtype) ? dtype_names[dtype] : NULL;
    if (!given) return vkn_fail(VKN_BAD_ARGUMENT, "%s: dtype %d is no dtype", name, (int)dtype);
    if (dtype == VKN_I64 && role == DATA && strcmp(name, "x") == 0)
        return vkn_fail(VKN_BAD_ARGUMENT, "x: dtype i64, must be f32, f16 or bf16");
    if (role == DATA && dtype != of_x)
        return vkn_fail(VKN_BAD_ARGUMENT, "%s: dtype %s, must be that of x: %s", name, given, dtype_names[of_x]);
    if (role == PARAMETER && dtype != VKN_F32 && dtype != of_x)
        return vkn_fail(VKN_BAD_ARGUMENT, "%s: dtype %s, must be f32 or that of x: %s", name, given, dtype_names[of_x]);
    if (role == FLOATS && dtype != VKN_F32) return vkn_fail(VKN_BAD_ARGUMENT, "%s: dtype %s, must be f32", name, given);
    if (role == COUNTER && dtype != VKN_I64)
        return vkn_fail(VKN_BAD_ARGUMENT, "%s: dtype %s, must be i64", name, given);
    return VKN_OK;
}

static vkn_result check_offset(const char *name, const vkn_tensor *tensor) {
    if (vkn_tensor_aligned(tensor, 1)) return VKN_OK;
    return vkn_fail(VKN_BAD_ARGUMENT, "%s: offset %llu is not a multiple of its element size %u", name,
                    (unsigned long long)tensor->offset, vkn_dtype_bytes(tensor->dtype));
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

static vkn_result check_count(const char *name, const vkn_tensor *tensor, uint64_t count) {
    uint64_t elements = vkn_tensor_count(tensor);
    if (elements == count) return VKN_OK;
    return vkn_fail(VKN_BAD_ARGUMENT, "%s should contain %llu elements not %llu", name, (unsigned long long)count,
                    (unsigned long long)elements);
}

// Whether `name` is one of the words of `list`.
static bool listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *word = list; word && *word; word += strspn(word, " ")) {
        size_t end = strcspn(word, " ");
        if (end == length && strncmp(word, name, length) == 0) return true;
        word += end;
    }
    return false;
}

// The bytes of its buffer that an argument has.
typedef struct range {
    const argument *of;
    VkBuffer buffer;
    VkDeviceSize first, end;
} range;

static bool same_bytes(const range *a, const range *b) {
    return a->first == b->first && a->end == b->end;
}

// Elementwise results may stand in the place of some elementwise inputs; nothing else may share bytes. `written` is.
static vkn_result check_overlap(const range *written, const range *other) {
    const argument *a = written->of, *b = other->of;
    if (same_bytes(written, other)) {
        if (listed(a->over, b->name)) return VKN_OK;
        // The other way round, where both are looked at.
        if (b->written && listed(b->over, a->name)) return VKN_OK;
    }
    return vkn_fail(VKN_BAD_ARGUMENT, "%s: bytes from %llu of its buffer are also those of %s, from %llu", a->name,
                    (unsigned long long)written->first, b->name, (unsigned long long)other->first);
}

static vkn_result check_overlaps(const argument *arguments, size_t count) {
    range ranges[MOST_ARGUMENTS];
    size_t present = 0;
    for (size_t i = 0; i < count; ++i) {
        const vkn_tensor *t = arguments[i].tensor;
        if (!vkn_tensor_present(t)) continue;
        VkDeviceSize end = t->offset + arguments[i].count * vkn_dtype_bytes(t->dtype);
        ranges[present++] = (range){&arguments[i], t->buffer, t->offset, end};
    }
    for (size_t i = 0; i < present; ++i) {
        if (!ranges[i].of->written) continue;
        for (size_t k = 0; k < present; ++k) {
            const range *a = &ranges[i], *b = &ranges[k];
            if (a->buffer != b->buffer || a->first >= b->end || b->first >= a->end || i == k) continue;
            vkn_result result = check_overlap(a, b);
            if (result != VKN_OK) return result;
        }
    }
    return VKN_OK;
}

static vkn_result check_all(const argument *arguments, size_t count, const vkn_tensor *x) {
    for (size_t i = 0; i < count; ++i) {
        const argument *a = &arguments[i];
        if (!vkn_tensor_present(a->tensor)) continue;
        vkn_result result = check_dtype(a->name, a->tensor->dtype, a->role, x->dtype);
        if (result == VKN_OK) result = check_offset(a->name, a->tensor);
        // What is as x has its elements.
        if (result == VKN_OK)
            result = a->role == DATA ? check_like_x(a->name, a->tensor, x) : check_count(a->name, a->tensor, a->count);
        if (result != VKN_OK) return result;
    }
    return check_overlaps(arguments, count);
}

// ---- weight, bias and their gradients ------------------------------------------------------------------------------
bool vkn_is_per_sample(const vkn_geometry *g, const vkn_tensor *const *parameters, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i)
        if (vkn_tensor_present(parameters[i])) return vkn_tensor_count(parameters[i]) != g->features;
    return false;
}

typedef struct parameter {
    const char *name;
    const vkn_tensor *tensor;
} parameter;

// All must have as many elements as the first that is there: one for each feature, or for each of each sample.
static vkn_result check_parameters(const vkn_geometry *g, const parameter *all, size_t count, uint64_t *elements) {
    const parameter *first = NULL;
    *elements = g->features;
    for (size_t i = 0; i < count; ++i) {
        if (!vkn_tensor_present(all[i].tensor)) continue;
        uint64_t given = vkn_tensor_count(all[i].tensor), samples = g->batch * g->features;
        unsigned long long shown = given, features = g->features;
        if (first && given != *elements)
            return vkn_fail(VKN_BAD_ARGUMENT, "%s should contain %llu elements, as %s does, not %llu", all[i].name,
                            (unsigned long long)*elements, first->name, shown);
        bool per_sample = g->has_batch && given == samples;
        if (given != g->features && !per_sample) {
            if (!g->has_batch || g->batch == 1)
                return vkn_fail(VKN_BAD_ARGUMENT, "%s should contain %llu elements not %llu", all[i].name, features,
                                shown);
            return vkn_fail(VKN_BAD_ARGUMENT, "%s should contain %llu elements (or %llu, per sample) not %llu",
                            all[i].name, features, (unsigned long long)samples, shown);
        }
        first = first ? first : &all[i];
        *elements = given;
    }
    return VKN_OK;
}

static vkn_result check_parameter_dtypes(const vkn_tensor *weight, const vkn_tensor *bias) {
    if (!vkn_tensor_present(weight) || !vkn_tensor_present(bias) || weight->dtype == bias->dtype) return VKN_OK;
    return vkn_fail(VKN_BAD_ARGUMENT, "bias: dtype %s, must be that of weight: %s", dtype_names[bias->dtype],
                    dtype_names[weight->dtype]);
}

// ---- What goes together --------------------------------------------------------------------------------------------
vkn_result vkn_check_present(const char *name, const vkn_tensor *tensor) {
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

static vkn_result check_kind(vkn_kind kind, const char *name, const vkn_tensor *bias) {
    return kind == VKN_RMS ? must_be_absent(name, bias, "rms norm has none") : VKN_OK;
}

static vkn_result check_residual(const vkn_forward_args *args) {
    if (!vkn_tensor_present(&args->h)) return VKN_OK;
    vkn_result result = VKN_OK;
    if (!vkn_tensor_present(&args->residual))
        result = vkn_fail(VKN_BAD_ARGUMENT, "h: given, but residual is absent");
    else if (vkn_tensor_present(&args->moments))
        result =
            vkn_fail(VKN_BAD_ARGUMENT, "h: given, but moments are: a residual before the norm must be in x already");
    return result;
}

vkn_result vkn_check_forward(const vkn_norm *norm, const vkn_forward_args *args, vkn_geometry *g) {
    if (!norm) return vkn_fail(VKN_BAD_ARGUMENT, "norm: NULL");
    if (!args) return vkn_fail(VKN_BAD_ARGUMENT, "args: NULL");
    bool from_running = !args->training && vkn_tensor_present(&args->running_mean);
    bool moments = vkn_tensor_present(&args->moments);
    vkn_result result = vkn_norm_check(norm);
    if (result == VKN_OK) result = check_running(norm->kind, &args->running_mean, &args->running_var, args->training);
    if (result == VKN_OK) result = vkn_geometry_make(norm, &args->x, !from_running && !moments, g);
    // An empty tensor may have no buffer at all.
    if (result == VKN_OK && g->elements) result = vkn_check_present("x", &args->x);
    if (result == VKN_OK && g->elements) result = vkn_check_present("y", &args->y);
    if (result == VKN_OK) result = check_kind(norm->kind, "bias", &args->bias);
    if (result == VKN_OK) result = check_residual(args);
    if (result == VKN_OK && moments && !args->training)
        result = vkn_fail(VKN_BAD_ARGUMENT, "moments: given, but training is false");
    if (result == VKN_OK) result = check_momentum(args);
    if (result != VKN_OK) return result;
    uint64_t parameters = 0;
    const parameter affine[] = {{"weight", &args->weight}, {"bias", &args->bias}};
    result = check_parameters(g, affine, 2, &parameters);
    if (result != VKN_OK) return result;
    const argument arguments[] = {
        {"x", &args->x, g->elements, DATA, false, NULL},
        {"y", &args->y, g->elements, DATA, true, "x residual"},
        {"residual", &args->residual, g->elements, DATA, false, NULL},
        {"h", &args->h, g->elements, DATA, true, "x residual"},
        {"weight", &args->weight, parameters, PARAMETER, false, NULL},
        {"bias", &args->bias, parameters, PARAMETER, false, NULL},
        {"statistics", &args->statistics, g->groups * 4, FLOATS, true, NULL},
        {"moments", &args->moments, g->groups * 4, FLOATS, false, NULL},
        {"running_mean", &args->running_mean, g->channels, FLOATS, args->training, NULL},
        {"running_var", &args->running_var, g->channels, FLOATS, args->training, NULL},
        {"num_batches_tracked", &args->num_batches_tracked, 1, COUNTER, args->training, NULL},
    };
    result = check_all(arguments, sizeof arguments / sizeof *arguments, &args->x);
    return result == VKN_OK ? check_parameter_dtypes(&args->weight, &args->bias) : result;
}

// Takes away what backward does not look at: halves look at some of the arguments only.
static void leave_out(const vkn_norm *norm, vkn_backward_args *args, bool sums_only) {
    static const vkn_tensor absent;
    if (norm->activation == VKN_NO_ACTIVATION) args->residual = args->bias = absent;
    if (sums_only)
        args->dx = args->dh = absent;
    else if (vkn_tensor_present(&args->sums))
        args->dweight = args->dbias = absent;
}

static vkn_result check_together(const vkn_norm *norm, const vkn_backward_args *args) {
    bool from_running = !args->training && vkn_tensor_present(&args->running_mean);
    vkn_result result = check_kind(norm->kind, "bias", &args->bias);
    if (result == VKN_OK) result = check_kind(norm->kind, "dbias", &args->dbias);
    if (result != VKN_OK) return result;
    if (vkn_tensor_present(&args->dh) && vkn_tensor_present(&args->residual))
        return vkn_fail(VKN_BAD_ARGUMENT, "dh: given with a residual that was added after the norm");
    if (from_running && vkn_tensor_present(&args->sums))
        return vkn_fail(VKN_BAD_ARGUMENT, "sums: given with running statistics, which need none");
    if (vkn_tensor_present(&args->sums)) return vkn_check_present("statistics", &args->statistics);
    return VKN_OK;
}

static vkn_result check_backward_tensors(const vkn_backward_args *args, bool sums_only, const vkn_geometry *g) {
    uint64_t parameters = 0;
    const parameter affine[] = {
        {"weight", &args->weight}, {"bias", &args->bias}, {"dweight", &args->dweight}, {"dbias", &args->dbias}};
    vkn_result result = check_parameters(g, affine, 4, &parameters);
    if (result != VKN_OK) return result;
    const argument arguments[MOST_ARGUMENTS] = {
        {"x", &args->x, g->elements, DATA, false, NULL},
        {"dy", &args->dy, g->elements, DATA, false, NULL},
        {"residual", &args->residual, g->elements, DATA, false, NULL},
        {"weight", &args->weight, parameters, PARAMETER, false, NULL},
        {"bias", &args->bias, parameters, PARAMETER, false, NULL},
        {"statistics", &args->statistics, g->groups * 4, FLOATS, false, NULL},
        {"running_mean", &args->running_mean, g->channels, FLOATS, false, NULL},
        {"running_var", &args->running_var, g->channels, FLOATS, false, NULL},
        {"sums", &args->sums, g->groups * 4, FLOATS, sums_only, NULL},
        {"dh", &args->dh, g->elements, DATA, false, NULL},
        {"dx", &args->dx, g->elements, DATA, true, "x dy residual dh"},
        {"dresidual", &args->dresidual, g->elements, DATA, true, "dy residual"},
        {"dweight", &args->dweight, parameters, FLOATS, true, NULL},
        {"dbias", &args->dbias, parameters, FLOATS, true, NULL},
    };
    result = check_all(arguments, MOST_ARGUMENTS, &args->x);
    return result == VKN_OK ? check_parameter_dtypes(&args->weight, &args->bias) : result;
}

vkn_result vkn_check_backward(const vkn_norm *norm, vkn_backward_args *args, bool sums_only, vkn_geometry *g) {
    if (!norm) return vkn_fail(VKN_BAD_ARGUMENT, "norm: NULL");
    vkn_result result = vkn_norm_check(norm);
    leave_out(norm, args, sums_only);
    if (result == VKN_OK) result = check_running(norm->kind, &args->running_mean, &args->running_var, args->training);
    if (result == VKN_OK) result = vkn_geometry_make(norm, &args->x, false, g);
    if (result == VKN_OK && g->elements) result = vkn_check_present("x", &args->x);
    if (result == VKN_OK && g->elements) result = vkn_check_present("dy", &args->dy);
    if (result == VKN_OK) result = check_together(norm, args);
    return result == VKN_OK ? check_backward_tensors(args, sums_only, g) : result;
}

vkn_result vkn_check_dtypes(const vkn_tensor *x, vkn_dtype weight) {
    vkn_result result = check_dtype("x", x->dtype, DATA, x->dtype);
    return result == VKN_OK ? check_dtype("weight", weight, PARAMETER, x->dtype) : result;
}

// ---- Statistics across devices -------------------------------------------------------------------------------------
vkn_result vkn_check_groups(const char *name, const vkn_tensor *tensor, uint64_t groups) {
    if (!tensor) return vkn_fail(VKN_BAD_ARGUMENT, "%s: NULL", name);
    if (!vkn_tensor_present(tensor) && groups) return vkn_check_present(name, tensor);
    vkn_result result = check_dtype(name, tensor->dtype, FLOATS, VKN_F32);
    if (result == VKN_OK) result = check_offset(name, tensor);
    return result == VKN_OK ? check_count(name, tensor, groups * 4) : result;
}

vkn_result vkn_check_apart(const char *written, const vkn_tensor *a, const char *name, const vkn_tensor *b) {
    const argument both[] = {{written, a, vkn_tensor_count(a), FLOATS, true, NULL},
                             {name, b, vkn_tensor_count(b), FLOATS, false, NULL}};
    return check_overlaps(both, 2);
}

vkn_result vkn_check_moments(const vkn_norm *norm, const vkn_tensor *x, const vkn_tensor *moments, vkn_geometry *g) {
    if (!norm) return vkn_fail(VKN_BAD_ARGUMENT, "norm: NULL");
    if (!x) return vkn_fail(VKN_BAD_ARGUMENT, "x: NULL");
    if (!moments) return vkn_fail(VKN_BAD_ARGUMENT, "moments: NULL");
    vkn_result result = vkn_geometry_make(norm, x, false, g);
    if (result == VKN_OK && g->elements) result = vkn_check_present("x", x);
    if (result != VKN_OK) return result;
    const argument data = {"x", x, g->elements, DATA, false, NULL};
    result = check_all(&data, 1, x);
    if (result == VKN_OK) result = vkn_check_groups("moments", moments, g->groups);
    return result == VKN_OK ? vkn_check_apart("moments", moments, "x", x) : result;
}
