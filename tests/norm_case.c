// SPDX-License-Identifier: MIT
#include "norm_case.h"

#include <stdint.h>
#include <stdio.h>

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
        [DATA_BIG] = "big",
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
    const uint32_t patterns[OFFSET_PATTERNS] = {2 * role + 1, 128 * (role + 1), 4 * (role + 1),
                                                role % 2 ? 128 : 2 * role + 1};
    return patterns[offsets];
}

// Cases of one class should run the same paths: rows or columns, and a statistic group that a team can or cannot hold.
static bool is_same_class(const struct norm_case *a, const struct norm_case *b) {
    return a->norm.kind == b->norm.kind && a->layout == b->layout && a->size == b->size &&
           norm_case_is_long(a) == norm_case_is_long(b);
}

bool norm_case_is_long(const struct norm_case *c) {
    return reference_make(&c->norm, c->layout, c->rank, c->shape).group_size > 1024;
}

// Which of its class the case is, and of how many; a case of no table is the only one.
static size_t place_in_class(const struct norm_case *c, size_t *class_size) {
    size_t place = 0, size = 0;
    for (size_t i = 0; i < norm_case_count; i++) {
        if (&norm_cases[i] == c) place = size;
        if (is_same_class(&norm_cases[i], c)) size++;
    }
    bool listed = c >= norm_cases && c < norm_cases + norm_case_count;
    *class_size = listed ? size : 1;
    return place;
}

static bool is_trackable(vkn_kind kind) {
    return kind == VKN_BATCH || kind == VKN_INSTANCE;
}

// What a pass means for a kind: rms has no bias, and only batch and instance norm have running statistics.
static unsigned flags_for(const struct norm_case *c, unsigned flags) {
    if (c->norm.kind == VKN_RMS) flags &= ~(unsigned)(PASS_BIAS | PASS_DBIAS);
    bool optional = (flags & PASS_TRAINING) && !(flags & PASS_CUMULATIVE);
    if (optional && !is_trackable(c->norm.kind)) flags &= ~(unsigned)(PASS_RUNNING | PASS_BIASED);
    return flags;
}

bool norm_pass_applies(const struct norm_case *c, size_t pass, const struct norm_turns *turns) {
    enum { TURNS = 3 };
    unsigned flags = flags_for(c, norm_passes[pass].flags);
    bool by_shape = c->norm.kind == VKN_LAYER || c->norm.kind == VKN_RMS;
    if ((flags & PASS_RUNNING) && !is_trackable(c->norm.kind)) return false;
    if (c->size == SIZE_LARGE && !(flags & PASS_LARGE)) return false;
    if ((flags & PASS_PER_SAMPLE) && by_shape && c->norm.normalized_rank == c->rank) return false;
    if ((flags & PASS_BACKWARD) && !(flags & (PASS_DX | PASS_DRESIDUAL | PASS_DWEIGHT | PASS_DBIAS))) return false;
    bool in_turns = flags & PASS_TURNS;
    if (in_turns && (pass + (size_t)c->norm.kind + turns->shift) % turns->every != 0) return false;
    size_t size, place = place_in_class(c, &size), share = in_turns ? TURNS : turns->share;
    size_t period = size < share ? size : share;
    return period <= 1 || (place + pass) % period == 0;
}

int norm_case_run(const struct rig *rig, const struct norm_case *c, size_t shift) {
    return norm_case_run_turns(rig, c, shift, &(struct norm_turns){1, 0, 1});
}

int norm_case_run_turns(const struct rig *rig, const struct norm_case *c, size_t shift,
                        const struct norm_turns *turns) {
    int faults = 0;
    for (size_t p = 0; p < norm_pass_count; p++) {
        if (!norm_pass_applies(c, p, turns)) continue;
        struct norm_pass pass = norm_passes[p];
        pass.flags = flags_for(c, pass.flags);
        uint32_t offsets = (uint32_t)((p + shift) % OFFSET_PATTERNS);
        int (*run)(const struct rig *, const struct norm_case *, const struct norm_pass *, uint32_t) =
            pass.flags & PASS_BACKWARD ? backward_run : forward_run;
        faults += run(rig, c, &pass, offsets);
    }
    return faults;
}
