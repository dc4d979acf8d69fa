// SPDX-License-Identifier: MIT
#include "norm_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "box.h"

const char *norm_kind_name(vkn_kind kind) {
    static const char *const names[] = {
        [VKN_BATCH] = "batch", [VKN_INSTANCE] = "instance", [VKN_GROUP] = "group",
        [VKN_LAYER] = "layer", [VKN_RMS] = "rms",
    };
    return names[kind];
}

void norm_case_name(const struct norm_case *c, char *text) {
    static const char *const data_names[] = {
        [DATA_NORMAL] = "normal",     [DATA_FAR] = "far",   [DATA_OUTLIER] = "outlier",
        [DATA_CONSTANT] = "constant", [DATA_TINY] = "tiny", [DATA_NONFINITE] = "nonfinite",
    };
    char shape[80] = "";
    int used = 0;
    for (uint32_t d = 0; d < c->rank; d++) {
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%u", d ? "x" : "", c->shape[d]);
    }
    snprintf(text, NORM_CASE_NAME_SIZE, "%s(%u) %s %s %s", norm_kind_name(c->norm.kind),
             c->norm.kind == VKN_GROUP ? c->norm.groups : c->norm.normalized_rank, shape,
             c->layout == VKN_CHANNELS_LAST ? "last" : "first", data_names[c->data]);
}

uint32_t offset_of(uint32_t offsets, uint32_t role) {
    const uint32_t patterns[OFFSET_PATTERNS] = {2 * role + 1, 64 * (role + 1), 4 * (role + 1),
                                                role % 2 ? 64 : 2 * role + 1};
    return patterns[offsets];
}

double *doubles_of(const float *values, uint64_t count) {
    if (!values) return NULL;
    double *copy = zeros(count, sizeof *copy);
    for (uint64_t i = 0; i < count; i++)
        copy[i] = (double)values[i];
    return copy;
}

void *zeros(uint64_t count, size_t size) {
    void *memory = calloc(count + 1, size);
    if (!memory) fail_msg("out of memory");
    return memory;
}

struct sample sample_make(const struct norm_case *c) {
    struct sample s = {.r = reference_make(&c->norm, c->layout, c->rank, c->shape)};
    s.like = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, c->layout, c->rank, c->shape);
    s.x = zeros(s.r.count, sizeof *s.x);
    data_fill(c->data, 1, &s.r, s.x);
    s.x64 = doubles_of(s.x, s.r.count);
    s.mean = zeros(s.r.groups, sizeof *s.mean);
    s.var = zeros(s.r.groups, sizeof *s.var);
    s.rstd = zeros(s.r.groups, sizeof *s.rstd);
    reference_statistics(&s.r, s.x64, s.mean, s.var);
    reference_rstd(&s.r, s.var, s.rstd);
    return s;
}

void sample_destroy(struct sample *s) {
    free(s->x);
    free(s->x64);
    free(s->mean);
    free(s->var);
    free(s->rstd);
}

double sample_mean_rounding(const struct sample *s) {
    double mean = magnitude(s->mean, s->r.groups);
    return mean > 0 ? ldexp(1, ilogb(mean) - 24) : 0;
}

// What a pass means for a kind: rms has no mean and no bias.
static unsigned flags_for(const struct norm_case *c, unsigned flags) {
    return c->norm.kind == VKN_RMS ? flags & ~(unsigned)(PASS_BIAS | PASS_MEAN | PASS_DBIAS) : flags;
}

static bool pass_applies(const struct norm_case *c, unsigned flags) {
    bool tracks = c->norm.kind == VKN_BATCH || c->norm.kind == VKN_INSTANCE;
    if ((flags & PASS_RUNNING) && !tracks) return false;
    if (c->size == SIZE_LARGE && !(flags & PASS_LARGE)) return false;
    return !(flags & PASS_BACKWARD) || (flags & (PASS_DX | PASS_DWEIGHT | PASS_DBIAS));
}

int norm_case_run(const struct rig *rig, const struct norm_case *c, size_t shift) {
    int faults = 0;
    for (size_t p = 0; p < norm_pass_count; p++) {
        struct norm_pass pass = {norm_passes[p].name, flags_for(c, norm_passes[p].flags)};
        if (!pass_applies(c, pass.flags)) continue;
        uint32_t offsets = (uint32_t)((p + shift) % OFFSET_PATTERNS);
        int (*run)(const struct rig *, const struct norm_case *, const struct norm_pass *, uint32_t) =
            pass.flags & PASS_BACKWARD ? backward_run : forward_run;
        faults += run(rig, c, &pass, offsets);
    }
    return faults;
}
