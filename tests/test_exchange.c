// SPDX-License-Identifier: MIT
// One batch over several ranks: moments and sums of each rank's share, merged, must give what one device gives with the
// whole batch. Here the ranks share one device, and the exchange is a buffer that all write to.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "norm_case.h"

enum { MOST_RANKS = 4 };

#define AFFINE (PASS_TRAINING | PASS_WEIGHT | PASS_BIAS)
#define TRACKED (AFFINE | PASS_RUNNING)
#define ADDED (TRACKED | PASS_ADD_AFTER | PASS_DRESIDUAL)
#define ADDED_AS_X (ADDED | PASS_AS_X)
#define PER_SAMPLE (TRACKED | PASS_BIASED | PASS_PER_SAMPLE)
#define PLAIN_BATCH                                                                                                    \
    { VKN_BATCH, 1, 1, 1e-5f, 0, 0 }

#define BATCH VKN_BATCH, 1
#define FIRST VKN_CHANNELS_FIRST
#define LAST VKN_CHANNELS_LAST
#define NONE VKN_NO_ACTIVATION
#define RELU VKN_RELU
#define SILU VKN_SILU

struct exchange_case {
    const char *name;
    vkn_kind kind;
    uint32_t groups;
    vkn_layout layout;
    uint32_t rank, shape[VKN_MAX_RANK];
    enum data_kind data;
    unsigned flags; // enum pass_flag
    vkn_dtype dtype;
    vkn_activation activation;
    float weight_offset;
    uint32_t ranks, samples[MOST_RANKS]; // of each rank
};

static struct exchange_case cases[] = {
    {"one rank", BATCH, FIRST, 3, {8, 5, 37}, DATA_NORMAL, TRACKED, VKN_F32, NONE, 0, 1, {8}},
    {"two ranks", BATCH, FIRST, 4, {9, 5, 7, 9}, DATA_FAR, TRACKED, VKN_F32, NONE, 0, 2, {7, 2}},
    {"one empty, last", BATCH, LAST, 4, {9, 5, 7, 9}, DATA_FAR, TRACKED, VKN_F32, SILU, 0, 3, {6, 0, 3}},
    {"residual", BATCH, FIRST, 3, {13, 3, 401}, DATA_OUTLIER, ADDED, VKN_F32, RELU, 0, 4, {1, 6, 2, 4}},
    {"residual, last", BATCH, LAST, 3, {13, 7, 61}, DATA_NORMAL, ADDED, VKN_F32, RELU, 0, 4, {0, 6, 3, 4}},
    {"per sample", BATCH, FIRST, 3, {6, 5, 33}, DATA_NORMAL, PER_SAMPLE, VKN_F32, NONE, 1, 3, {3, 2, 1}},
    {"per sample, last", BATCH, LAST, 3, {6, 5, 33}, DATA_NORMAL, PER_SAMPLE, VKN_F32, SILU, 0, 2, {1, 5}},
    {"f16, residual", BATCH, FIRST, 3, {7, 5, 51}, DATA_NORMAL, ADDED, VKN_F16, RELU, 0, 2, {3, 4}},
    {"f16, residual, last", BATCH, LAST, 3, {7, 5, 51}, DATA_BIG, ADDED_AS_X, VKN_F16, SILU, 0, 4, {1, 4, 0, 2}},
    {"one value", BATCH, FIRST, 2, {30, 9}, DATA_NORMAL, TRACKED, VKN_BF16, NONE, 0, 3, {1, 20, 9}},
    // The other kinds' statistic groups are of one sample: a rank has them whole.
    {"instance", VKN_INSTANCE, 1, FIRST, 3, {3, 5, 41}, DATA_FAR, TRACKED, VKN_F32, NONE, 0, 1, {3}},
    {"group, f16", VKN_GROUP, 3, LAST, 3, {3, 6, 41}, DATA_NORMAL, AFFINE, VKN_F16, SILU, 0, 1, {3}},
    {"layer", VKN_LAYER, 1, FIRST, 2, {9, 101}, DATA_FAR, AFFINE, VKN_F32, NONE, 0, 1, {9}},
    {"rms", VKN_RMS, 1, FIRST, 2, {9, 101}, DATA_NORMAL, PASS_TRAINING | PASS_WEIGHT, VKN_F32, RELU, 1, 1, {9}},
};

enum role { X, Y, RESIDUAL, DY, DX, DRESIDUAL, WEIGHT, BIAS, STATISTICS, RUNNING_MEAN, RUNNING_VAR, DWEIGHT, DBIAS };
enum { ROLES = DBIAS + 1 };

enum exchanged { ALL_MOMENTS, MOMENTS, ALL_SUMS, SUMS, EXCHANGED };

// A rank's share: samples from `first` on, elements from `begin` on, and from `weights` on what is per sample.
struct rank {
    uint64_t first, samples, begin, count, weights, features;
    vkn_tensor like;
    struct box box[ROLES];
    vkn_forward_args forward;
    vkn_backward_args backward;
};

struct exchange {
    const struct exchange_case *c;
    struct sample s;
    float *dy;
    double *dz;
    struct rank rank[MOST_RANKS];
    struct box box[EXCHANGED];
};

static const float *from(const float *values, uint64_t first) {
    return values ? values + first : NULL;
}

static void make_args(const struct exchange *e, struct rank *k) {
    const struct box *b = k->box;
    k->forward = (vkn_forward_args){.x = b[X].tensor,
                                    .y = b[Y].tensor,
                                    .residual = b[RESIDUAL].tensor,
                                    .weight = b[WEIGHT].tensor,
                                    .bias = b[BIAS].tensor,
                                    .statistics = b[STATISTICS].tensor,
                                    .moments = e->box[MOMENTS].tensor,
                                    .running_mean = b[RUNNING_MEAN].tensor,
                                    .running_var = b[RUNNING_VAR].tensor,
                                    .momentum = 0.1f,
                                    .training = true,
                                    .biased_running_var = e->s.r.biased_running_var};
    k->backward = (vkn_backward_args){.x = b[X].tensor,
                                      .dy = b[DY].tensor,
                                      .residual = b[RESIDUAL].tensor,
                                      .weight = b[WEIGHT].tensor,
                                      .bias = b[BIAS].tensor,
                                      .statistics = b[STATISTICS].tensor,
                                      .dx = b[DX].tensor,
                                      .dresidual = b[DRESIDUAL].tensor,
                                      .dweight = b[DWEIGHT].tensor,
                                      .dbias = b[DBIAS].tensor,
                                      .training = true};
}

static void make_rank(struct exchange *e, struct rank *k, uint64_t first, uint64_t samples, uint32_t offsets) {
    const struct sample *s = &e->s;
    const struct reference *r = &s->r;
    *k = (struct rank){.first = first, .samples = samples, .like = s->like, .features = r->features};
    k->begin = first * (r->count / r->batch);
    k->count = samples * (r->count / r->batch);
    if (r->per_sample) {
        k->weights = first * r->channels;
        k->features = samples * r->channels;
    }
    k->like.shape[0] = (uint32_t)samples;
    vkn_tensor parameter = vector_like(s->parameter.dtype, k->features), gradient = vector_like(VKN_F32, k->features);
    vkn_tensor statistics = vector_like(VKN_F32, 4 * r->groups), channels = vector_like(VKN_F32, r->channels);
    const struct operand operands[ROLES] = {
        [X] = {"x", true, &k->like, s->x + k->begin},
        [Y] = {"y", true, &k->like, NULL},
        [RESIDUAL] = {"residual", s->residual, &k->like, from(s->residual, k->begin)},
        [DY] = {"dy", true, &k->like, e->dy + k->begin},
        [DX] = {"dx", true, &k->like, NULL},
        [DRESIDUAL] = {"dresidual", e->c->flags & PASS_DRESIDUAL, &k->like, NULL},
        [WEIGHT] = {"weight", s->weight, &parameter, from(s->weight, k->weights)},
        [BIAS] = {"bias", s->bias, &parameter, from(s->bias, k->weights)},
        [STATISTICS] = {"statistics", true, &statistics, NULL},
        [RUNNING_MEAN] = {"running_mean", s->running_mean, &channels, s->running_mean},
        [RUNNING_VAR] = {"running_var", s->running_var, &channels, s->running_var},
        [DWEIGHT] = {"dweight", true, &gradient, NULL},
        [DBIAS] = {"dbias", s->bias, &gradient, NULL},
    };
    boxes_make(&fixture, offsets, operands, ROLES, k->box);
    make_args(e, k);
}

static struct exchange exchange_make(const struct exchange_case *c) {
    struct norm_case norm_case = {{c->kind, c->groups, 1, 1e-5f, 0, 0}, c->layout, c->rank, {0}, c->data, SIZE_SMALL};
    memcpy(norm_case.shape, c->shape, sizeof c->shape);
    const struct norm_pass pass = {c->name, c->flags, c->dtype, c->activation, c->weight_offset, 0};
    struct exchange e = {.c = c, .s = sample_make_for(&norm_case, &pass)};
    assert_int_equal(sample_make_gradient(&e.s, c->name, &e.dy, &e.dz), 0);
    static const char *const names[EXCHANGED] = {"all moments", "moments", "all sums", "sums"};
    for (uint32_t i = 0; i < EXCHANGED; i++) {
        uint64_t ranks = i == ALL_MOMENTS || i == ALL_SUMS ? c->ranks : 1;
        e.box[i] = box_make_vector(fixture.context, names[i], 2 * i + 1, 4 * e.s.r.groups * ranks, NULL);
    }
    uint64_t first = 0;
    for (uint32_t i = 0; i < c->ranks; i++) {
        make_rank(&e, &e.rank[i], first, c->samples[i], i);
        first += c->samples[i];
    }
    assert_int_equal(first, e.s.r.batch);
    return e;
}

static void exchange_destroy(struct exchange *e) {
    for (uint32_t i = 0; i < e->c->ranks; i++)
        for (int b = 0; b < ROLES; b++)
            box_destroy(&e->rank[i].box[b]);
    for (int i = 0; i < EXCHANGED; i++)
        box_destroy(&e->box[i]);
    free(e->dy);
    free(e->dz);
    sample_destroy(&e->s);
}

// What rank i writes of `all`.
static vkn_tensor place_of(const struct exchange *e, enum exchanged all, uint32_t i) {
    vkn_tensor t = e->box[all].tensor;
    t.shape[0] = (uint32_t)(4 * e->s.r.groups);
    t.offset += sizeof(float) * t.shape[0] * i;
    return t;
}

static void run(struct exchange *e) {
    const vkn_norm *norm = &e->s.r.norm;
    vkn_recorder *recorder = fixture.recorder;
    MUST(vkn_recorder_begin(recorder, VK_NULL_HANDLE));
    for (uint32_t i = 0; i < e->c->ranks; i++) {
        vkn_tensor mine = place_of(e, ALL_MOMENTS, i);
        MUST(vkn_norm_moments(recorder, norm, &e->rank[i].forward.x, &mine));
    }
    MUST(vkn_recorder_barrier(recorder));
    MUST(vkn_norm_merge_moments(recorder, &e->box[ALL_MOMENTS].tensor, e->c->ranks, &e->box[MOMENTS].tensor));
    MUST(vkn_recorder_barrier(recorder));
    for (uint32_t i = 0; i < e->c->ranks; i++)
        MUST(vkn_norm_forward(recorder, norm, &e->rank[i].forward));
    MUST(vkn_recorder_barrier(recorder));
    for (uint32_t i = 0; i < e->c->ranks; i++) {
        vkn_tensor mine = place_of(e, ALL_SUMS, i);
        MUST(vkn_norm_sums(recorder, norm, &e->rank[i].backward, &mine));
    }
    MUST(vkn_recorder_barrier(recorder));
    MUST(vkn_norm_merge_sums(recorder, &e->box[ALL_SUMS].tensor, e->c->ranks, &e->box[SUMS].tensor));
    MUST(vkn_recorder_barrier(recorder));
    for (uint32_t i = 0; i < e->c->ranks; i++) {
        e->rank[i].backward.sums = e->box[SUMS].tensor;
        MUST(vkn_norm_backward(recorder, norm, &e->rank[i].backward));
    }
    MUST(vkn_recorder_submit_and_wait(recorder));
}

static int fetch(struct exchange *e) {
    static const bool written[ROLES] = {
        [Y] = true,           [DX] = true,      [DRESIDUAL] = true, [STATISTICS] = true, [RUNNING_MEAN] = true,
        [RUNNING_VAR] = true, [DWEIGHT] = true, [DBIAS] = true};
    int faults = 0;
    for (uint32_t i = 0; i < e->c->ranks; i++) {
        for (int b = 0; b < ROLES; b++) {
            struct box *box = &e->rank[i].box[b];
            if (box->buffer) faults += box_fetch(box, e->c->name, written[b]);
        }
    }
    for (int i = 0; i < EXCHANGED; i++)
        faults += box_fetch(&e->box[i], e->c->name, true);
    return faults;
}

// Each rank's moments and sums count its elements, and nothing is what an empty rank has.
static int check_counts(const struct exchange *e) {
    static const struct {
        enum exchanged what;
        int place; // of the count among four
    } kinds[] = {{ALL_MOMENTS, 3}, {MOMENTS, 3}, {ALL_SUMS, 2}, {SUMS, 2}};
    uint64_t groups = e->s.r.groups;
    int faults = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const struct box *b = &e->box[kinds[k].what];
        for (uint64_t i = 0; i < b->count / 4; i++) {
            bool merged = b->count == 4 * groups;
            uint64_t elements = merged ? e->s.r.count : e->rank[i / groups].count;
            uint64_t per_group = e->s.r.group_size * elements / e->s.r.count;
            const float *four = box_floats(b) + 4 * i;
            faults += four[kinds[k].place] != (float)per_group;
            for (int f = 0; f < 4 && !per_group; f++)
                faults += four[f] != 0;
        }
        if (faults) print_error("%s: %s: a wrong count\n", e->c->name, b->name);
    }
    return faults;
}

// The statistics, the running ones too, are the same bits on all ranks, and those of the whole batch.
static int check_statistics(const struct exchange *e) {
    const struct sample *s = &e->s;
    const char *label = e->c->name;
    const struct box *first = e->rank[0].box;
    int faults = sample_check_statistics(s, label, &first[STATISTICS]);
    for (uint32_t i = 1; i < e->c->ranks; i++) {
        static const enum role same[] = {STATISTICS, RUNNING_MEAN, RUNNING_VAR};
        for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
            const struct box *a = &first[same[k]], *b = &e->rank[i].box[same[k]];
            if (!a->buffer || memcmp(box_floats(a), box_floats(b), a->data_bytes) == 0) continue;
            print_error("%s: %s: rank %u has other bits than rank 0\n", label, a->name, i);
            faults++;
        }
    }
    if (!s->running_mean) return faults;
    double *mean = doubles_of(s->running_mean, s->r.channels), *var = doubles_of(s->running_var, s->r.channels);
    reference_running(&s->r, s->mean, s->var, 0.1, mean, var);
    faults += compare_box(label, &first[RUNNING_MEAN], mean, ulps64(magnitude(mean, s->r.channels)), NULL);
    faults += compare_box(label, &first[RUNNING_VAR], var, ulps64(magnitude(var, s->r.channels)), NULL);
    free(mean);
    free(var);
    return faults;
}

// Gradients of weight and bias are of the rank's own elements: those of a dz that is zero elsewhere.
static int check_weight_gradients(const struct exchange *e, const struct rank *k) {
    const struct sample *s = &e->s;
    const struct reference *r = &s->r;
    double *own = zeros(r->count, sizeof *own), *dx = zeros(r->count, sizeof *dx);
    double *dweight = zeros(r->features, sizeof *dweight), *dbias = zeros(r->features, sizeof *dbias);
    memcpy(own + k->begin, e->dz + k->begin, k->count * sizeof *own);
    reference_backward(r, false, s->x64, own, s->mean, s->rstd, s->weight64, dx, dweight, dbias);
    const double *want[] = {dweight + k->weights, dbias + k->weights};
    int faults = 0;
    for (int i = 0; i < 2; i++) {
        const struct box *b = &k->box[DWEIGHT + i];
        if (b->buffer) {
            faults += compare_box(e->c->name, b, want[i], ulps64(magnitude(want[i], k->features)), NULL);
        }
    }
    free(own);
    free(dx);
    free(dweight);
    free(dbias);
    return faults;
}

static int check_elements(const struct exchange *e) {
    const struct sample *s = &e->s;
    const struct reference *r = &s->r;
    const char *label = e->c->name;
    double *y = zeros(r->count, sizeof *y), *dx = zeros(r->count, sizeof *dx), *slack = NULL;
    double *dweight = zeros(r->features, sizeof *dweight), *dbias = zeros(r->features, sizeof *dbias);
    reference_affine(r, s->x64, s->mean, s->rstd, s->weight64, s->bias64, s->residual64, y);
    reference_activate(r, y, y);
    reference_backward(r, false, s->x64, e->dz, s->mean, s->rstd, s->weight64, dx, dweight, dbias);
    if (e->c->flags & PASS_DRESIDUAL) slack = sample_dz_rounding(s, e->dz);
    double y_bar = ulps64(magnitude(y, r->count)), dx_bar = ulps64(magnitude(dx, r->count));
    int faults = 0;
    for (uint32_t i = 0; i < e->c->ranks; i++) {
        const struct rank *k = &e->rank[i];
        faults += compare_box(label, &k->box[Y], y + k->begin, y_bar, NULL);
        faults += compare_box(label, &k->box[DX], dx + k->begin, dx_bar, slack ? slack + k->begin : NULL);
        if (k->box[DRESIDUAL].buffer) {
            faults += sample_check_dresidual(s, label, e->dz + k->begin, &k->box[DRESIDUAL]);
        }
        faults += check_weight_gradients(e, k);
    }
    free(y);
    free(dx);
    free(slack);
    free(dweight);
    free(dbias);
    return faults;
}

static void ranks_are_as_one(void **state) {
    struct exchange e = exchange_make(*state);
    run(&e);
    int faults = fetch(&e);
    if (!faults) faults = check_counts(&e) + check_statistics(&e) + check_elements(&e);
    exchange_destroy(&e);
    assert_int_equal(faults, 0);
}

// Two empty shares are an empty whole.
static void nothing_merges_to_nothing(void **state) {
    (void)state;
    enum { CHANNELS = 3, RANKS = 2, NUMBERS = 4 * CHANNELS, ALL_NUMBERS = RANKS * NUMBERS };
    const vkn_norm norm = vkn_norm_defaults(VKN_BATCH);
    const vkn_tensor x = {.rank = 3, .shape = {0, CHANNELS, 5}};
    struct box all = box_make_vector(fixture.context, "all", 1, ALL_NUMBERS, NULL);
    struct box merged = box_make_vector(fixture.context, "merged", 3, NUMBERS, NULL);
    vkn_tensor half[RANKS] = {all.tensor, all.tensor};
    half[0].shape[0] = half[1].shape[0] = NUMBERS;
    half[1].offset += NUMBERS * sizeof(float);
    MUST(vkn_recorder_begin(fixture.recorder, VK_NULL_HANDLE));
    for (int i = 0; i < RANKS; i++)
        MUST(vkn_norm_moments(fixture.recorder, &norm, &x, &half[i]));
    MUST(vkn_recorder_barrier(fixture.recorder));
    MUST(vkn_norm_merge_moments(fixture.recorder, &all.tensor, RANKS, &merged.tensor));
    MUST(vkn_recorder_submit_and_wait(fixture.recorder));
    const double none[ALL_NUMBERS] = {0};
    int faults = box_fetch(&all, "nothing", true) + box_fetch(&merged, "nothing", true);
    faults += compare_box("nothing", &all, none, 0, NULL) + compare_box("nothing", &merged, none, 0, NULL);
    assert_int_equal(faults, 0);
    box_destroy(&all);
    box_destroy(&merged);
}

int main(void) {
    struct CMUnitTest tests[sizeof cases / sizeof *cases + 1] = {cmocka_unit_test(nothing_merges_to_nothing)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tests[i + 1] = (struct CMUnitTest){cases[i].name, ranks_are_as_one, NULL, NULL, &cases[i]};
    }
    return cmocka_run_group_tests_name("exchange", tests, fixture_open, fixture_close);
}
