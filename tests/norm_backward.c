// SPDX-License-Identifier: MIT
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "box.h"
#include "norm_case.h"

enum role { X, DY, WEIGHT, MEAN, RSTD, RUNNING_MEAN, RUNNING_VAR, DX, DWEIGHT, DBIAS, ROLES };

struct gradients {
    double *dx, *dweight, *dbias;
};

struct backward {
    struct sample s;
    unsigned flags;
    bool frozen;
    float *dy, *weight, *mean, *rstd, *running_mean, *running_var, *dweight, *dbias; // NULL where there is none
    struct box box[ROLES];
};

static float *floats(uint64_t count) {
    return zeros(count, sizeof(float));
}

static float *rounded(const double *values, uint64_t count) {
    float *out = floats(count);
    for (uint64_t i = 0; i < count; i++)
        out[i] = (float)values[i];
    return out;
}

// What the call reads, and what its gradients are added to.
static void make_inputs(struct backward *b, const struct norm_case *c) {
    const struct reference *r = &b->s.r;
    data_fill_gradient(1, r->count, b->dy = floats(r->count));
    if (b->flags & PASS_WEIGHT) data_fill_parameter(3, r->features, 1, 0.3, b->weight = floats(r->features));
    if (b->flags & PASS_MEAN) b->mean = rounded(b->s.mean, r->groups);
    if (b->flags & PASS_RSTD) b->rstd = rounded(b->s.rstd, r->groups);
    if (b->flags & PASS_RUNNING) {
        double deviation = data_deviation(c->data) > 0 ? data_deviation(c->data) : 1;
        b->running_mean = floats(r->channels);
        b->running_var = floats(r->channels);
        data_fill_parameter(5, r->channels, data_mean(c->data), 0.5 * deviation, b->running_mean);
        data_fill_variance(6, r->channels, deviation * deviation, b->running_var);
    }
    if (b->flags & PASS_ACCUMULATE) {
        if (b->flags & PASS_DWEIGHT) data_fill_parameter(7, r->features, 2, 1, b->dweight = floats(r->features));
        if (b->flags & PASS_DBIAS) data_fill_parameter(8, r->features, -2, 1, b->dbias = floats(r->features));
    }
}

static void make_boxes(struct backward *b, const struct rig *rig, uint32_t offsets) {
    const struct reference *r = &b->s.r;
    bool apart = !(b->flags & (PASS_OVER_X | PASS_OVER_DY));
    const struct {
        const char *name;
        bool present;
        uint64_t count;
        const float *data;
    } vectors[ROLES] = {
        [WEIGHT] = {"weight", b->weight, r->features, b->weight},
        [MEAN] = {"mean", b->mean, r->groups, b->mean},
        [RSTD] = {"rstd", b->rstd, r->groups, b->rstd},
        [RUNNING_MEAN] = {"running_mean", b->running_mean, r->channels, b->running_mean},
        [RUNNING_VAR] = {"running_var", b->running_var, r->channels, b->running_var},
        [DWEIGHT] = {"dweight", b->flags & PASS_DWEIGHT, r->features, b->dweight},
        [DBIAS] = {"dbias", b->flags & PASS_DBIAS, r->features, b->dbias},
    };
    b->box[X] = box_make(rig->context, "x", offset_of(offsets, X), &b->s.like, b->s.x);
    b->box[DY] = box_make(rig->context, "dy", offset_of(offsets, DY), &b->s.like, b->dy);
    if ((b->flags & PASS_DX) && apart) {
        b->box[DX] = box_make(rig->context, "dx", offset_of(offsets, DX), &b->s.like, NULL);
    }
    for (uint32_t i = 0; i < ROLES; i++) {
        if (!vectors[i].present) continue;
        b->box[i] =
            box_make_vector(rig->context, vectors[i].name, offset_of(offsets, i), vectors[i].count, vectors[i].data);
    }
}

static enum role dx_role(const struct backward *b) {
    return b->flags & PASS_OVER_X ? X : b->flags & PASS_OVER_DY ? DY : DX;
}

static int record(struct backward *b, const struct rig *rig, const struct norm_case *c, const char *label) {
    vkn_backward_args args = {
        .x = b->box[X].tensor,
        .dy = b->box[DY].tensor,
        .weight = b->box[WEIGHT].tensor,
        .mean = b->box[MEAN].tensor,
        .rstd = b->box[RSTD].tensor,
        .running_mean = b->box[RUNNING_MEAN].tensor,
        .running_var = b->box[RUNNING_VAR].tensor,
        .dweight = b->box[DWEIGHT].tensor,
        .dbias = b->box[DBIAS].tensor,
        .training = b->flags & PASS_TRAINING,
        .accumulate = b->flags & PASS_ACCUMULATE,
    };
    if (b->flags & PASS_DX) args.dx = b->box[dx_role(b)].tensor;
    if (vkn_recorder_begin(rig->recorder, VK_NULL_HANDLE) || vkn_norm_backward(rig->recorder, &c->norm, &args) ||
        vkn_recorder_submit_and_wait(rig->recorder)) {
        print_error("%s: %s\n", label, vkn_error_message());
        return 1;
    }
    return 0;
}

static struct gradients gradients_make(const struct reference *r) {
    return (struct gradients){zeros(r->count, sizeof(double)), zeros(r->features, sizeof(double)),
                              zeros(r->features, sizeof(double))};
}

static void gradients_destroy(struct gradients *g) {
    free(g->dx);
    free(g->dweight);
    free(g->dbias);
}

static double largest_difference(const double *a, const double *b, uint64_t count) {
    double largest = 0;
    for (uint64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(a[i] - b[i]));
    return largest;
}

// Elements that share both a statistic group and a weight.
static uint64_t unit_of(const struct reference *r, uint64_t element) {
    if (r->norm.kind == VKN_LAYER) return element;
    uint64_t channel = reference_feature(r, element), sample = element / (r->channels * r->space);
    return r->norm.kind == VKN_BATCH ? channel : sample * r->channels + channel;
}

// d dweight / d mean = -rstd * sum(dy) in each group; the groups that share a weight may all err the same way.
static double dweight_cost(const struct reference *r, double rounding, const double *dy64, const double *rstd) {
    double *sums = zeros(r->count, sizeof *sums), *costs = zeros(r->features, sizeof *costs);
    for (uint64_t i = 0; i < r->count; i++)
        sums[unit_of(r, i)] += dy64[i];
    for (uint64_t i = 0; i < r->count; i++) {
        double *sum = &sums[unit_of(r, i)];
        costs[reference_feature(r, i)] += rounding * rstd[reference_group(r, i)] * fabs(*sum);
        *sum = 0;
    }
    double cost = magnitude(costs, r->features);
    free(sums);
    free(costs);
    return cost;
}

// Where backward computes the mean again and rounds it to f32: how far that can move dx and dweight.
struct cost {
    double dx, dweight;
};
static struct cost rounding_costs(const struct backward *b, const double *dy64, const double *weight64,
                                  const double *mean, const double *rstd, const struct gradients *want) {
    struct cost cost = {0};
    const struct reference *r = &b->s.r;
    if (b->frozen || r->norm.kind == VKN_RMS || (b->mean && b->rstd)) return cost;
    double rounding = sample_mean_rounding(&b->s), *moved_mean = zeros(r->groups, sizeof *moved_mean);
    struct gradients moved = gradients_make(r);
    for (uint64_t g = 0; g < r->groups; g++)
        moved_mean[g] = mean[g] + rounding;
    reference_backward(r, false, b->s.x64, dy64, moved_mean, rstd, weight64, moved.dx, moved.dweight, moved.dbias);
    cost.dx = largest_difference(moved.dx, want->dx, r->count);
    cost.dweight = dweight_cost(r, rounding, dy64, rstd);
    gradients_destroy(&moved);
    free(moved_mean);
    return cost;
}

// The scale of dx's terms: in groups of a few elements the formula cancels almost all of them.
static double dx_scale(const struct backward *b, const double *dy64, const double *weight64, const double *rstd,
                       const double *dx) {
    const struct reference *r = &b->s.r;
    double terms = magnitude(rstd, r->groups) * magnitude(dy64, r->count);
    if (weight64) terms *= magnitude(weight64, r->features);
    return r->group_size <= 4 ? fmax(terms, magnitude(dx, r->count)) : magnitude(dx, r->count);
}

static int compare_gradients(struct backward *b, const char *label) {
    const struct reference *r = &b->s.r;
    double *dy64 = doubles_of(b->dy, r->count), *weight64 = doubles_of(b->weight, r->features);
    bool saved = b->mean && b->rstd;
    double *mean = saved ? doubles_of(b->mean, r->groups) : zeros(r->groups, sizeof *mean);
    double *rstd = saved ? doubles_of(b->rstd, r->groups) : zeros(r->groups, sizeof *rstd);
    for (uint64_t g = 0; g < r->groups && !saved; g++) {
        mean[g] = b->frozen ? (double)b->running_mean[g % r->channels] : b->s.mean[g];
        rstd[g] = b->frozen ? (double)b->running_var[g % r->channels] : b->s.var[g];
    }
    if (!saved) reference_rstd(r, rstd, rstd);

    struct gradients want = gradients_make(r);
    reference_backward(r, b->frozen, b->s.x64, dy64, mean, rstd, weight64, want.dx, want.dweight, want.dbias);
    struct cost cost = rounding_costs(b, dy64, weight64, mean, rstd, &want);
    for (uint64_t f = 0; f < r->features; f++) {
        if (b->dweight) want.dweight[f] += (double)b->dweight[f];
        if (b->dbias) want.dbias[f] += (double)b->dbias[f];
    }
    int faults = 0;
    if (b->flags & PASS_DX) {
        faults += compare(label, "dx", box_floats(&b->box[dx_role(b)]), want.dx, r->count,
                          ulps64(dx_scale(b, dy64, weight64, rstd, want.dx)) + cost.dx);
    }
    if (b->flags & PASS_DWEIGHT) {
        faults += compare(label, "dweight", box_floats(&b->box[DWEIGHT]), want.dweight, r->features,
                          ulps64(magnitude(want.dweight, r->features)) + cost.dweight);
    }
    if (b->flags & PASS_DBIAS) {
        faults += compare(label, "dbias", box_floats(&b->box[DBIAS]), want.dbias, r->features,
                          ulps64(magnitude(want.dbias, r->features)));
    }
    gradients_destroy(&want);
    free(dy64);
    free(weight64);
    free(mean);
    free(rstd);
    return faults;
}

static int check(struct backward *b, const char *label) {
    const bool written[ROLES] = {
        [X] = b->flags & PASS_OVER_X, [DY] = b->flags & PASS_OVER_DY, [DX] = true, [DWEIGHT] = true, [DBIAS] = true};
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

    struct backward b = {.s = sample_make(c), .flags = pass->flags};
    b.frozen = (pass->flags & PASS_RUNNING) && !(pass->flags & PASS_TRAINING);
    make_inputs(&b, c);
    make_boxes(&b, rig, offsets);
    int faults = record(&b, rig, c, label);
    if (!faults) faults = check(&b, label);

    float *owned[] = {b.dy, b.weight, b.mean, b.rstd, b.running_mean, b.running_var, b.dweight, b.dbias};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    for (int i = 0; i < ROLES; i++)
        box_destroy(&b.box[i]);
    sample_destroy(&b.s);
    return faults;
}
