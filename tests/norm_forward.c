// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "norm_case.h"

enum role { X, Y, RESIDUAL, H, WEIGHT, BIAS, STATISTICS, RUNNING_MEAN, RUNNING_VAR, COUNTER, ROLES };

struct forward {
    struct sample s;
    unsigned flags;
    int64_t batches;
    struct box box[ROLES];
};

static enum role y_role(unsigned flags) {
    return flags & PASS_OVER_X ? X : flags & PASS_OVER_RESIDUAL ? RESIDUAL : Y;
}

static enum role h_role(unsigned flags) {
    return flags & PASS_H_OVER_X ? X : flags & PASS_H_OVER_RESIDUAL ? RESIDUAL : H;
}

static void make_boxes(struct forward *f, const struct rig *rig, uint32_t offsets) {
    const struct sample *s = &f->s;
    vkn_tensor statistics = vector_like(VKN_F32, 4 * s->r.groups), channels = vector_like(VKN_F32, s->r.channels);
    const struct operand operands[COUNTER] = {
        [X] = {"x", true, &s->like, s->x},
        [Y] = {"y", y_role(f->flags) == Y, &s->like, NULL},
        [RESIDUAL] = {"residual", s->residual, &s->like, s->residual},
        [H] = {"h", (f->flags & PASS_ADD_BEFORE) && h_role(f->flags) == H, &s->like, NULL},
        [WEIGHT] = {"weight", s->weight, &s->parameter, s->weight},
        [BIAS] = {"bias", s->bias, &s->parameter, s->bias},
        [STATISTICS] = {"statistics", f->flags & PASS_STATISTICS, &statistics, NULL},
        [RUNNING_MEAN] = {"running_mean", s->running_mean, &channels, s->running_mean},
        [RUNNING_VAR] = {"running_var", s->running_var, &channels, s->running_var},
    };
    boxes_make(rig, offsets, operands, COUNTER, f->box);
    if (s->running_mean) {
        vkn_tensor one = vector_like(VKN_I64, 1);
        f->box[COUNTER] = box_make(rig->context, "num_batches_tracked", offset_of(offsets, COUNTER), &one, &f->batches);
    }
}

static int record(struct forward *f, const struct rig *rig, const char *label) {
    vkn_forward_args args = {
        .x = f->box[X].tensor,
        .y = f->box[y_role(f->flags)].tensor,
        .residual = f->box[RESIDUAL].tensor,
        .weight = f->box[WEIGHT].tensor,
        .bias = f->box[BIAS].tensor,
        .statistics = f->box[STATISTICS].tensor,
        .running_mean = f->box[RUNNING_MEAN].tensor,
        .running_var = f->box[RUNNING_VAR].tensor,
        .num_batches_tracked = f->box[COUNTER].tensor,
        .momentum = f->flags & PASS_CUMULATIVE ? VKN_MOMENTUM_CUMULATIVE : 0.1f,
        .training = f->flags & PASS_TRAINING,
        .biased_running_var = f->flags & PASS_BIASED,
    };
    if (f->flags & PASS_ADD_BEFORE) args.h = f->box[h_role(f->flags)].tensor;
    if (vkn_recorder_begin(rig->recorder, VK_NULL_HANDLE) || vkn_norm_forward(rig->recorder, &f->s.r.norm, &args) ||
        vkn_recorder_submit_and_wait(rig->recorder)) {
        print_error("%s: %s\n", label, vkn_error_message());
        return 1;
    }
    return 0;
}

static int check_running(struct forward *f, const char *label) {
    const struct reference *r = &f->s.r;
    double *mean = doubles_of(f->s.running_mean, r->channels), *var = doubles_of(f->s.running_var, r->channels);
    double momentum = f->flags & PASS_CUMULATIVE ? 1.0 / (double)(f->batches + 1) : 0.1;
    reference_running(r, f->s.mean, f->s.var, momentum, mean, var);
    int faults = compare_box(label, &f->box[RUNNING_MEAN], mean, ulps64(magnitude(mean, r->channels)), NULL);
    faults += compare_box(label, &f->box[RUNNING_VAR], var, ulps64(magnitude(var, r->channels)), NULL);
    int64_t counted = *(const int64_t *)(const void *)(f->box[COUNTER].after + f->box[COUNTER].lead_bytes);
    if (counted != f->batches + 1) {
        print_error("%s: num_batches_tracked is %lld, must be %lld\n", label, (long long)counted,
                    (long long)f->batches + 1);
        faults++;
    }
    free(mean);
    free(var);
    return faults;
}

static int check(struct forward *f, const char *label) {
    const struct sample *s = &f->s;
    bool own = !s->frozen, updates = own && s->running_mean;
    bool written[ROLES] = {
        [Y] = true,         [H] = true, [STATISTICS] = own, [RUNNING_MEAN] = updates, [RUNNING_VAR] = updates,
        [COUNTER] = updates};
    written[y_role(f->flags)] = true;
    if (f->flags & PASS_ADD_BEFORE) written[h_role(f->flags)] = true;
    int faults = 0;
    for (int i = 0; i < ROLES; i++) {
        if (f->box[i].buffer) faults += box_fetch(&f->box[i], label, written[i]);
    }

    double *y = zeros(s->r.count, sizeof *y);
    const double *after = f->flags & PASS_ADD_AFTER ? s->residual64 : NULL;
    reference_affine(&s->r, s->x64, s->used_mean, s->used_rstd, s->weight64, s->bias64, after, y);
    reference_activate(&s->r, y, y);
    faults += compare_box(label, &f->box[y_role(f->flags)], y, ulps64(magnitude(y, s->r.count)), NULL);
    free(y);
    // The sum that is normalized is rounded once: it is exact.
    if (f->flags & PASS_ADD_BEFORE) faults += compare_box(label, &f->box[h_role(f->flags)], s->x64, 0, NULL);
    if (own && f->box[STATISTICS].buffer) faults += sample_check_statistics(s, label, &f->box[STATISTICS]);
    if (updates) faults += check_running(f, label);
    return faults;
}

int forward_run(const struct rig *rig, const struct norm_case *c, const struct norm_pass *pass, uint32_t offsets) {
    char label[2 * NORM_CASE_NAME_SIZE], name[NORM_CASE_NAME_SIZE];
    norm_case_name(c, name);
    snprintf(label, sizeof label, "%s, %s, offsets %u", name, pass->name, offsets);

    struct forward f = {.s = sample_make_for(c, pass), .flags = pass->flags, .batches = 3};
    make_boxes(&f, rig, offsets);
    int faults = record(&f, rig, label);
    if (!faults) faults = check(&f, label);
    for (int i = 0; i < ROLES; i++)
        box_destroy(&f.box[i]);
    sample_destroy(&f.s);
    return faults;
}
