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

enum role { X, Y, WEIGHT, BIAS, MEAN, RSTD, RUNNING_MEAN, RUNNING_VAR, COUNTER, ROLES };

struct forward {
    struct sample s;
    unsigned flags;
    float *weight, *bias, *running_mean, *running_var; // NULL where the pass has none
    int64_t batches;
    struct box box[ROLES];
};

static float *parameter(uint64_t seed, uint64_t count, double offset, double scale) {
    float *values = zeros(count, sizeof *values);
    data_fill_parameter(seed, count, offset, scale, values);
    return values;
}

static void make_boxes(struct forward *f, const struct rig *rig, uint32_t offsets) {
    const struct reference *r = &f->s.r;
    struct {
        const char *name;
        bool present;
        uint64_t count;
        const float *data;
    } vectors[ROLES] = {
        [WEIGHT] = {"weight", f->weight, r->features, f->weight},
        [BIAS] = {"bias", f->bias, r->features, f->bias},
        [MEAN] = {"mean", f->flags & PASS_MEAN, r->groups, NULL},
        [RSTD] = {"rstd", f->flags & PASS_RSTD, r->groups, NULL},
        [RUNNING_MEAN] = {"running_mean", f->running_mean, r->channels, f->running_mean},
        [RUNNING_VAR] = {"running_var", f->running_var, r->channels, f->running_var},
    };
    f->box[X] = box_make(rig->context, "x", offset_of(offsets, X), &f->s.like, f->s.x);
    if (!(f->flags & PASS_OVER_X)) f->box[Y] = box_make(rig->context, "y", offset_of(offsets, Y), &f->s.like, NULL);
    for (uint32_t i = WEIGHT; i <= RUNNING_VAR; i++) {
        if (!vectors[i].present) continue;
        f->box[i] =
            box_make_vector(rig->context, vectors[i].name, offset_of(offsets, i), vectors[i].count, vectors[i].data);
    }
    if (f->running_mean) {
        vkn_tensor one = {.dtype = VKN_I64, .rank = 1, .shape = {1}};
        f->box[COUNTER] = box_make(rig->context, "num_batches_tracked", offset_of(offsets, COUNTER), &one, &f->batches);
    }
}

static int record(struct forward *f, const struct rig *rig, const struct norm_case *c, const char *label) {
    vkn_forward_args args = {
        .x = f->box[X].tensor,
        .y = f->box[f->flags & PASS_OVER_X ? X : Y].tensor,
        .weight = f->box[WEIGHT].tensor,
        .bias = f->box[BIAS].tensor,
        .mean = f->box[MEAN].tensor,
        .rstd = f->box[RSTD].tensor,
        .running_mean = f->box[RUNNING_MEAN].tensor,
        .running_var = f->box[RUNNING_VAR].tensor,
        .num_batches_tracked = f->box[COUNTER].tensor,
        .momentum = f->flags & PASS_CUMULATIVE ? VKN_MOMENTUM_CUMULATIVE : 0.1f,
        .training = f->flags & PASS_TRAINING,
    };
    if (vkn_recorder_begin(rig->recorder, VK_NULL_HANDLE) || vkn_norm_forward(rig->recorder, &c->norm, &args) ||
        vkn_recorder_submit_and_wait(rig->recorder)) {
        print_error("%s: %s\n", label, vkn_error_message());
        return 1;
    }
    return 0;
}

static int check_running(struct forward *f, const char *label) {
    const struct reference *r = &f->s.r;
    double *mean = doubles_of(f->running_mean, r->channels), *var = doubles_of(f->running_var, r->channels);
    double momentum = f->flags & PASS_CUMULATIVE ? 1.0 / (double)(f->batches + 1) : 0.1;
    reference_running(r, f->s.mean, f->s.var, momentum, mean, var);
    int faults = compare(label, "running_mean", box_floats(&f->box[RUNNING_MEAN]), mean, r->channels,
                         ulps64(magnitude(mean, r->channels)));
    faults += compare(label, "running_var", box_floats(&f->box[RUNNING_VAR]), var, r->channels,
                      ulps64(magnitude(var, r->channels)));
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
    const struct reference *r = &f->s.r;
    bool own = (f->flags & PASS_TRAINING) || !(f->flags & PASS_RUNNING);
    bool updates = !own ? false : f->running_mean != NULL;
    const bool written[ROLES] = {
        [X] = f->flags & PASS_OVER_X, [Y] = true,          [MEAN] = own, [RSTD] = own, [RUNNING_MEAN] = updates,
        [RUNNING_VAR] = updates,      [COUNTER] = updates,
    };
    int faults = 0;
    for (int i = 0; i < ROLES; i++) {
        if (f->box[i].buffer) faults += box_fetch(&f->box[i], label, written[i]);
    }

    double *weight = doubles_of(f->weight, r->features), *bias = doubles_of(f->bias, r->features);
    double *y = zeros(r->count, sizeof *y);
    double *mean = f->s.mean, *rstd = f->s.rstd;
    double rounding = own ? sample_mean_rounding(&f->s) : 0;
    if (!own) {
        double *running_mean = doubles_of(f->running_mean, r->channels);
        double *running_var = doubles_of(f->running_var, r->channels);
        mean = zeros(r->groups, sizeof *mean);
        rstd = zeros(r->groups, sizeof *rstd);
        reference_expand(r, running_mean, mean);
        reference_expand(r, running_var, rstd);
        reference_rstd(r, rstd, rstd);
        free(running_mean);
        free(running_var);
    }
    reference_forward(r, f->s.x64, mean, rstd, weight, bias, y);
    // The bar is 64 ulps, or what rounding the mean to f32 alone costs where that is more (mean 1e4, deviation 1).
    double scale = weight ? magnitude(weight, r->features) : 1;
    double tolerance = fmax(ulps64(magnitude(y, r->count)), rounding * magnitude(rstd, r->groups) * scale);
    const struct box *out = &f->box[f->flags & PASS_OVER_X ? X : Y];
    faults += compare(label, "y", box_floats(out), y, r->count, tolerance);
    if (own && f->box[MEAN].buffer) {
        faults +=
            compare(label, "mean", box_floats(&f->box[MEAN]), mean, r->groups, ulps64(magnitude(mean, r->groups)));
    }
    if (own && f->box[RSTD].buffer) {
        faults +=
            compare(label, "rstd", box_floats(&f->box[RSTD]), rstd, r->groups, ulps64(magnitude(rstd, r->groups)));
    }
    if (updates) faults += check_running(f, label);
    if (!own) {
        free(mean);
        free(rstd);
    }
    free(weight);
    free(bias);
    free(y);
    return faults;
}

int forward_run(const struct rig *rig, const struct norm_case *c, const struct norm_pass *pass, uint32_t offsets) {
    char label[2 * NORM_CASE_NAME_SIZE], name[NORM_CASE_NAME_SIZE];
    norm_case_name(c, name);
    snprintf(label, sizeof label, "%s, %s, offsets %u", name, pass->name, offsets);

    struct forward f = {.s = sample_make(c), .flags = pass->flags, .batches = 3};
    const struct reference *r = &f.s.r;
    if (pass->flags & PASS_WEIGHT) f.weight = parameter(3, r->features, 1, 0.3);
    if (pass->flags & PASS_BIAS) f.bias = parameter(4, r->features, 0, 0.5);
    if (pass->flags & PASS_RUNNING) {
        double deviation = data_deviation(c->data) > 0 ? data_deviation(c->data) : 1;
        f.running_mean = parameter(5, r->channels, data_mean(c->data), 0.5 * deviation);
        f.running_var = zeros(r->channels, sizeof *f.running_var);
        data_fill_variance(6, r->channels, deviation * deviation, f.running_var);
    }
    make_boxes(&f, rig, offsets);
    int faults = record(&f, rig, c, label);
    if (!faults) faults = check(&f, label);

    for (int i = 0; i < ROLES; i++)
        box_destroy(&f.box[i]);
    free(f.weight);
    free(f.bias);
    free(f.running_mean);
    free(f.running_var);
    sample_destroy(&f.s);
    return faults;
}
