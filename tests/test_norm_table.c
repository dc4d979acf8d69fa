// SPDX-License-Identifier: MIT
// That the tables of cases and passes leave nothing out: each feature meets each kind in both layouts, with statistic
// groups of few and of many elements.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "norm_case.h"

enum demand {
    ALL_KINDS,
    TRACKED, // batch and instance: what has running statistics
    BIASED,  // all but rms
};

// What a pass must have, and no more than `without` of what it must not.
static const struct feature {
    const char *name;
    unsigned flags, without;
    int dtype, activation; // -1: any
    float weight_offset;
    enum demand demand;
} features[] = {
    {"f32", 0, 0, VKN_F32, -1, 0, ALL_KINDS},
    {"f16 forward", 0, PASS_BACKWARD, VKN_F16, -1, 0, ALL_KINDS},
    {"f16 backward", PASS_BACKWARD | PASS_DX, 0, VKN_F16, -1, 0, ALL_KINDS},
    {"bf16 forward", 0, PASS_BACKWARD, VKN_BF16, -1, 0, ALL_KINDS},
    {"bf16 backward", PASS_BACKWARD | PASS_DX, 0, VKN_BF16, -1, 0, ALL_KINDS},
    {"f16 weights forward", PASS_AS_X, PASS_BACKWARD, VKN_F16, -1, 0, ALL_KINDS},
    {"f16 weights backward", PASS_AS_X | PASS_BACKWARD, 0, VKN_F16, -1, 0, ALL_KINDS},
    {"bf16 weights forward", PASS_AS_X, PASS_BACKWARD, VKN_BF16, -1, 0, ALL_KINDS},
    {"bf16 weights backward", PASS_AS_X | PASS_BACKWARD, 0, VKN_BF16, -1, 0, ALL_KINDS},
    {"relu forward", 0, PASS_BACKWARD, -1, VKN_RELU, 0, ALL_KINDS},
    {"relu backward", PASS_BACKWARD, 0, -1, VKN_RELU, 0, ALL_KINDS},
    {"silu forward", 0, PASS_BACKWARD, -1, VKN_SILU, 0, ALL_KINDS},
    {"silu backward", PASS_BACKWARD, 0, -1, VKN_SILU, 0, ALL_KINDS},
    {"1 + weight forward", PASS_WEIGHT, PASS_BACKWARD, -1, -1, 1, ALL_KINDS},
    {"1 + weight backward", PASS_WEIGHT | PASS_BACKWARD, 0, -1, -1, 1, ALL_KINDS},
    {"after", PASS_ADD_AFTER, PASS_BACKWARD, -1, -1, 0, ALL_KINDS},
    {"before", PASS_ADD_BEFORE, PASS_BACKWARD, VKN_F32, -1, 0, ALL_KINDS},
    {"before, f16", PASS_ADD_BEFORE, PASS_BACKWARD, VKN_F16, -1, 0, ALL_KINDS},
    {"before, bf16", PASS_ADD_BEFORE, PASS_BACKWARD, VKN_BF16, -1, 0, ALL_KINDS},
    {"dh", PASS_DH, 0, VKN_F32, -1, 0, ALL_KINDS},
    {"dh, f16", PASS_DH, 0, VKN_F16, -1, 0, ALL_KINDS},
    {"dresidual", PASS_DRESIDUAL, 0, VKN_F32, -1, 0, ALL_KINDS},
    {"dresidual, f16", PASS_DRESIDUAL, 0, VKN_F16, -1, 0, ALL_KINDS},
    {"dresidual, bf16", PASS_DRESIDUAL, 0, VKN_BF16, -1, 0, ALL_KINDS},
    {"dresidual alone", PASS_DRESIDUAL, PASS_DX | PASS_DWEIGHT | PASS_DBIAS, -1, -1, 0, ALL_KINDS},
    {"per sample forward", PASS_PER_SAMPLE | PASS_WEIGHT, PASS_BACKWARD, -1, -1, 0, ALL_KINDS},
    {"per sample backward", PASS_PER_SAMPLE | PASS_DWEIGHT, 0, -1, -1, 0, ALL_KINDS},
    {"per sample dbias", PASS_PER_SAMPLE | PASS_DBIAS, 0, -1, -1, 0, BIASED},
    {"y over x", PASS_OVER_X, PASS_BACKWARD, -1, -1, 0, ALL_KINDS},
    {"y over residual after", PASS_OVER_RESIDUAL | PASS_ADD_AFTER, PASS_BACKWARD, -1, -1, 0, ALL_KINDS},
    {"y over residual before", PASS_OVER_RESIDUAL | PASS_ADD_BEFORE, PASS_BACKWARD, -1, -1, 0, ALL_KINDS},
    {"h over x", PASS_H_OVER_X, 0, -1, -1, 0, ALL_KINDS},
    {"h over residual", PASS_H_OVER_RESIDUAL, 0, -1, -1, 0, ALL_KINDS},
    {"dx over x", PASS_BACKWARD | PASS_OVER_X, 0, -1, -1, 0, ALL_KINDS},
    {"dx over dy", PASS_OVER_DY, 0, -1, -1, 0, ALL_KINDS},
    {"dx over residual", PASS_BACKWARD | PASS_OVER_RESIDUAL, 0, -1, -1, 0, ALL_KINDS},
    {"dx over dh", PASS_OVER_DH, 0, -1, -1, 0, ALL_KINDS},
    {"dresidual over dy", PASS_DRESIDUAL_OVER_DY, 0, -1, -1, 0, ALL_KINDS},
    {"dresidual over residual", PASS_DRESIDUAL_OVER_RESIDUAL, 0, -1, -1, 0, ALL_KINDS},
    {"biased running variance", PASS_BIASED, 0, -1, -1, 0, TRACKED},
    {"eval", PASS_RUNNING, PASS_BACKWARD | PASS_TRAINING, VKN_F16, -1, 0, TRACKED},
    {"frozen relu", PASS_BACKWARD | PASS_RUNNING, PASS_TRAINING, -1, VKN_RELU, 0, TRACKED},
    {"frozen silu", PASS_BACKWARD | PASS_RUNNING, PASS_TRAINING, -1, VKN_SILU, 0, TRACKED},
    {"frozen dh", PASS_BACKWARD | PASS_RUNNING | PASS_DH, PASS_TRAINING, -1, -1, 0, TRACKED},
    {"frozen dresidual", PASS_BACKWARD | PASS_RUNNING | PASS_DRESIDUAL, PASS_TRAINING, -1, -1, 0, TRACKED},
    {"frozen per sample", PASS_BACKWARD | PASS_RUNNING | PASS_PER_SAMPLE, PASS_TRAINING, -1, -1, 0, TRACKED},
};

static bool has(const struct norm_pass *p, const struct feature *f) {
    return (p->flags & f->flags) == f->flags && !(p->flags & f->without) &&
           (f->dtype < 0 || p->dtype == (vkn_dtype)f->dtype) &&
           (f->activation < 0 || p->activation == (vkn_activation)f->activation) &&
           (f->weight_offset == 0 || p->weight_offset == f->weight_offset);
}

static size_t meetings(const struct feature *f, vkn_kind kind, vkn_layout layout, bool is_long) {
    const struct norm_turns all = {1, 0, 1};
    size_t count = 0;
    for (size_t i = 0; i < norm_case_count; i++) {
        const struct norm_case *c = &norm_cases[i];
        if (c->norm.kind != kind || c->layout != layout || c->size != SIZE_SMALL) continue;
        if (norm_case_is_long(c) != is_long) continue;
        for (size_t p = 0; p < norm_pass_count; p++)
            count += norm_pass_applies(c, p, &all) && has(&norm_passes[p], f);
    }
    return count;
}

static void features_meet_all_kinds(void **state) {
    (void)state;
    int faults = 0;
    for (size_t f = 0; f < sizeof features / sizeof *features; f++) {
        for (vkn_kind kind = VKN_BATCH; kind <= VKN_RMS; kind++) {
            if (features[f].demand == TRACKED && kind > VKN_INSTANCE) continue;
            if (features[f].demand == BIASED && kind == VKN_RMS) continue;
            for (unsigned path = 0; path < 4; path++) {
                vkn_layout layout = path & 1 ? VKN_CHANNELS_LAST : VKN_CHANNELS_FIRST;
                if (meetings(&features[f], kind, layout, path & 2)) continue;
                print_error("%s does not meet %s, channels %s, %s\n", features[f].name, norm_kind_name(kind),
                            path & 1 ? "last" : "first", path & 2 ? "long" : "short");
                faults++;
            }
        }
    }
    assert_int_equal(faults, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(features_meet_all_kinds)};
    return cmocka_run_group_tests_name("norm_table", tests, NULL, NULL);
}
