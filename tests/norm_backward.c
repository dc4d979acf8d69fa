// SPDX-License-Identifier: MIT
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "norm_case.h"

enum role {
    X,
    DY,
    RESIDUAL,
    WEIGHT,
    BIAS,
    STATISTICS,
    RUNNING_MEAN,
    RUNNING_VAR,
    DH,
    DX,
    DRESIDUAL,
    DWEIGHT,
    DBIAS,
    ROLES
};

struct backward {
    struct sample s;
    unsigned flags;
    float *dy, *dh, *statistics, *dweight, *dbias; // NULL where there is none
    double *dz;
    struct box box[ROLES];
};

static enum role dx_role(unsigned flags) {
    static const struct {
        unsigned flag;
        enum role role;
    } over[] = {{PASS_OVER_X, X}, {PASS_OVER_DY, DY}, {PASS_OVER_RESIDUAL, RESIDUAL}, {PASS_OVER_DH, DH}};
    for (size_t i = 0; i < sizeof over / sizeof *over; i++)
        if (flags & over[i].flag) return over[i].role;
    return DX;
}

static enum role dresidual_role(unsigned flags) {
    return flags & PASS_DRESIDUAL_OVER_DY ? DY : flags & PASS_DRESIDUAL_OVER_RESIDUAL ? RESIDUAL : DRESIDUAL;
}

static float *floats(uint64_t count) {
    return zeros(count, sizeof(float));
}

// What the call reads, and what its gradients are added to.
static int make_inputs(struct backward *b, const char *label) {
    const struct sample *s = &b->s;
    const struct reference *r = &s->r;
    int faults = sample_make_gradient(s, label, &b->dy, &b->dz);
    if (b->flags & PASS_DH) {
        data_fill_parameter(11, r->count, 0.1, 1, b->dh = floats(r->count));
        data_round(s->like.dtype, r->count, b->dh);
    }
    if (b->flags & PASS_STATISTICS) b->statistics = sample_statistics(s);
    if (b->flags & PASS_ACCUMULATE) {
        if (b->flags & PASS_DWEIGHT) data_fill_parameter(7, r->features, 2, 1, b->dweight = floats(r->features));
        if (b->flags & PASS_DBIAS) data_fill_parameter(8, r->features, -2, 1, b->dbias = floats(r->features));
    }
    return faults;
}

static void make_boxes(struct backward *b, const struct rig *rig, uint32_t offsets) {
    const struct sample *s = &b->s;
    vkn_tensor statistics = vector_like(VKN_F32, 4 * s->r.groups), channels = vector_like(VKN_F32, s->r.channels);
    vkn_tensor features = vector_like(VKN_F32, s->r.features);
    const struct operand operands[ROLES] = {
        [X] = {"x", true, &s->like, s->x},
        [DY] = {"dy", true, &s->like, b->dy},
        [RESIDUAL] = {"residual", s->residual, &s->like, s->residual},
        [WEIGHT] = {"weight", s->weight, &s->parameter, s->weight},
        [BIAS] = {"bias", s->bias, &s->parameter, s->bias},
        [STATISTICS] = {"statistics", b->statistics, &statistics, b->statistics},
        [RUNNING_MEAN] = {"running_mean", s->running_mean, &channels, s->running_mean},
        [RUNNING_VAR] = {"running_var", s->running_var, &channels, s->running_var},
        [DH] = {"dh", b->dh, &s->like, b->dh},
        [DX] = {"dx", (b->flags & PASS_DX) && dx_role(b->flags) == DX, &s->like, NULL},
        [DRESIDUAL] = {"dresidual", (b->flags & PASS_DRESIDUAL) && dresidual_role(b->flags) == DRESIDUAL, &s->like,
                       NULL},
        [DWEIGHT] = {"dweight", b->flags & PASS_DWEIGHT, &features, b->dweight},
        [DBIAS] = {"dbias", b->flags & PASS_DBIAS, &features, b->dbias},
    };
    boxes_make(rig, offsets, operands, ROLES, b->box);
}

static int record(struct backward *b, const struct rig *rig, const char *label) {
    vkn_backward_args args = {
        .x = b->box[X].tensor,
        .dy = b->box[DY].tensor,
        .residual = b->box[RESIDUAL].tensor,
        .weight = b->box[WEIGHT].tensor,
        .bias = b->box[BIAS].tensor,
        .statistics = b->box[STATISTICS].tensor,
        .running_mean = b->box[RUNNING_MEAN].tensor,
        .running_var = b->box[RUNNING_VAR].tensor,
        .dh = b->box[DH].tensor,
        .dweight = b->box[DWEIGHT].tensor,
        .dbias = b->box[DBIAS].tensor,
        .training = b->flags & PASS_TRAINING,
        .accumulate = b->flags & PASS_ACCUMULATE,
    };
    if (b->flags & PASS_DX) args.dx = b->box[dx_role(b->flags)].tensor;
    if (b->flags & PASS_DRESIDUAL) args.dresidual = b->box[dresidual_role(b->flags)].tensor;
    if (vkn_recorder_begin(rig->recorder, VK_NULL_HANDLE) || vkn_norm_backward(rig->recorder, &b->s.r.norm, &args) ||
        vkn_recorder_submit_and_wait(rig->recorder)) {
        print_error("%s: %s\n", label, vkn_error_message());
        return 1;
    }
    return 0;
}

// 64 units of 2^-23 of dx. Where its terms cancel, as all but rounding errors do in a group of two, dx still carries
// the rounding of each: 8 units of the largest.
static double dx_bar(const struct backward *b, const double *dx) {
    const struct sample *s = &b->s;
    double terms = 0;
    for (uint64_t i = 0; i < s->r.count; i++) {
        double term = s->used_rstd[reference_group(&s->r, i)] * fabs(sample_weight(s, i) * b->dz[i]);
        if (isfinite(term)) terms = fmax(terms, term);
    }
    return fmax(ulps64(magnitude(dx, s->r.count)), ulps64(terms) / 8);
}

static int compare_gradients(const struct backward *b, const char *label) {
    const struct sample *s = &b->s;
    const struct reference *r = &s->r;
    double *dx = zeros(r->count, sizeof *dx), *slack = NULL;
    if (b->flags & PASS_DRESIDUAL) slack = sample_dz_rounding(s, b->dz);
    double *dweight = zeros(r->features, sizeof *dweight), *dbias = zeros(r->features, sizeof *dbias);
    reference_backward(r, s->frozen, s->x64, b->dz, s->used_mean, s->used_rstd, s->weight64, dx, dweight, dbias);
    for (uint64_t i = 0; i < r->count && b->dh; i++)
        dx[i] += (double)b->dh[i];
    for (uint64_t f = 0; f < r->features; f++) {
        if (b->dweight) dweight[f] += (double)b->dweight[f];
        if (b->dbias) dbias[f] += (double)b->dbias[f];
    }
    int faults = 0;
    if (b->flags & PASS_DX) faults += compare_box(label, &b->box[dx_role(b->flags)], dx, dx_bar(b, dx), slack);
    if (b->flags & PASS_DRESIDUAL) {
        faults += sample_check_dresidual(s, label, b->dz, &b->box[dresidual_role(b->flags)]);
    }
    if (b->flags & PASS_DWEIGHT) {
        faults += compare_box(label, &b->box[DWEIGHT], dweight, ulps64(magnitude(dweight, r->features)), NULL);
    }
    if (b->flags & PASS_DBIAS) {
        faults += compare_box(label, &b->box[DBIAS], dbias, ulps64(magnitude(dbias, r->features)), NULL);
    }
    free(dx);
    free(slack);
    free(dweight);
    free(dbias);
    return faults;
}

static int check(struct backward *b, const char *label) {
    bool written[ROLES] = {[DWEIGHT] = true, [DBIAS] = true};
    if (b->flags & PASS_DX) written[dx_role(b->flags)] = true;
    if (b->flags & PASS_DRESIDUAL) written[dresidual_role(b->flags)] = true;
    int faults = 0;
    for (int i = 0; i < ROLES; i++) {
        if (b->box[i].buffer) faults += box_fetch(&b->box[i], label, written[i]);
    }
    return faults + compare_gradients(b, label);
}

int backward_run(const struct rig *rig, const struct norm_case *c, const struct norm_pass *pass, uint32_t offsets) {
    char label[2 * NORM_CASE_NAME_SIZE], name[NORM_CASE_NAME_SIZE];
    norm_case_name(c, name);
    snprintf(label, sizeof label, "%s, %s, offsets %u", name, pass->name, offsets);

    struct backward b = {.s = sample_make_for(c, pass), .flags = pass->flags};
    int faults = make_inputs(&b, label);
    make_boxes(&b, rig, offsets);
    if (!faults) faults = record(&b, rig, label);
    if (!faults) faults = check(&b, label);

    void *owned[] = {b.dy, b.dh, b.statistics, b.dweight, b.dbias, b.dz};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    for (int i = 0; i < ROLES; i++)
        box_destroy(&b.box[i]);
    sample_destroy(&b.s);
    return faults;
}
