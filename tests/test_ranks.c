// SPDX-License-Identifier: MIT
// Synchronized layers: ranks in threads, each with a device of its own and its share of a batch, against one layer on
// the whole batch.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "half.h"
#include "share.h"
#include "team.h"

static struct team team;
static struct rig whole_rig;

static int setup(void **state) {
    (void)state;
    return team_open(&team) || rig_open(&whole_rig, NULL) ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    team_close(&team);
    rig_close(&whole_rig);
    return 0;
}

struct split {
    uint32_t ranks, sizes[MAX_RANKS];
};
static const struct split splits[] = {
    {1, {7}},       {2, {1, 2}},    {3, {1, 1, 1}},    {2, {5, 2}},       {2, {0, 3}},
    {3, {2, 4, 1}}, {3, {6, 0, 3}}, {4, {1, 5, 0, 2}}, {4, {9, 8, 8, 9}},
};

static const struct variant variants[] = {
    {.name = "[N, C]", .space = 1, .momentum = 0.1f},
    {.name = "channels first", .space = 5, .mean = 1e4, .momentum = 0.5f},
    {.name = "channels last", .layout = VKN_CHANNELS_LAST, .space = 35, .momentum = VKN_MOMENTUM_CUMULATIVE},
    {.name = "plain", .space = 5, .plain = true, .biased_running_var = true, .momentum = 0.1f},
    {.name = "fused",
     .space = 3,
     .activation = VKN_SILU,
     .residual = true,
     .weight_offset = 1,
     .biased_running_var = true,
     .momentum = 1},
    {.name = "f16", .dtype = VKN_F16, .space = 5, .mean = 3, .momentum = 0.1f},
    {.name = "bf16, last", .dtype = VKN_BF16, .layout = VKN_CHANNELS_LAST, .space = 3, .momentum = 0.1f},
    {.name = "relu", .space = 300, .activation = VKN_RELU, .momentum = 0.1f},
};

// ---- Shares against the whole ------------------------------------------------------------------------------------
// One rank's rows of a tensor against the same rows of the whole. In 16 bits each may have been rounded up or down.
static int compare_rows(const char *label, const struct box *got, const struct box *whole, uint64_t first) {
    const vkn_dtype dtype = whole->tensor.dtype;
    double *have = box_doubles(got), *want = box_doubles(whole), *slack = calloc(got->count + 1, sizeof *slack);
    assert_non_null(slack);
    for (uint64_t i = 0; i < got->count; i++)
        slack[i] = 2 * half_rounding(dtype, want[first + i]);
    const double tolerance = ulps64(magnitude(want, whole->count));
    int faults = compare_values(label, got->name, have, want + first, got->count, tolerance, slack);
    free(have);
    free(want);
    free(slack);
    return faults;
}

// A slot summed over the ranks, or the same on each of them.
static int compare_slot(const char *label, struct share *shares, uint32_t ranks, const struct share *whole,
                        vkn_slot slot, const char *name, bool summed) {
    uint32_t one[FEATURES], first[FEATURES] = {0}; // bits of floats
    float values[FEATURES], all[FEATURES];
    double sum[FEATURES] = {0}, want[FEATURES], size = 0;
    int faults = 0;
    if (vkn_layer_tensor(whole->layer, slot).buffer == VK_NULL_HANDLE) return 0;
    for (uint32_t r = 0; r < ranks; r++) {
        MUST(vkn_layer_download(shares[r].layer, slot, one, sizeof one));
        if (r == 0) memcpy(first, one, sizeof first);
        if (!summed && memcmp(first, one, sizeof one) != 0) {
            print_error("%s: %s: not the same bits on ranks 0 and %u\n", label, name, r);
            faults++;
        }
        memcpy(values, one, sizeof values);
        for (int i = 0; i < FEATURES; i++) {
            sum[i] += (double)values[i];
            size += fabs((double)values[i]);
        }
    }
    for (int i = 0; i < FEATURES && summed; i++)
        values[i] = (float)sum[i];
    MUST(vkn_layer_download(whole->layer, slot, all, sizeof all));
    for (int i = 0; i < FEATURES; i++)
        want[i] = (double)all[i];
    const double scale = summed ? size / FEATURES : magnitude(want, FEATURES);
    return faults + compare(label, name, values, want, FEATURES, ulps64(scale));
}

static int compare_step(const char *label, struct share *shares, const struct split *split, struct share *whole) {
    int faults = share_fetch(whole, label);
    uint64_t first = 0;
    for (uint32_t r = 0; r < split->ranks; r++) {
        struct share *s = &shares[r];
        faults += share_fetch(s, label);
        faults += compare_rows(label, &s->y, &whole->y, first);
        faults += compare_rows(label, &s->dx, &whole->dx, first);
        if (s->variant->residual) faults += compare_rows(label, &s->dresidual, &whole->dresidual, first);
        first += s->x.count;
    }
    faults += compare_slot(label, shares, split->ranks, whole, VKN_WEIGHT_GRAD, "dweight", true);
    faults += compare_slot(label, shares, split->ranks, whole, VKN_BIAS_GRAD, "dbias", true);
    faults += compare_slot(label, shares, split->ranks, whole, VKN_RUNNING_MEAN, "running_mean", false);
    return faults + compare_slot(label, shares, split->ranks, whole, VKN_RUNNING_VAR, "running_var", false);
}

// Runs the step on all ranks at once, and on the whole. `exchanges`: what each rank is to take part in.
static int step_all(const char *label, struct share *shares, const struct split *split, struct share *whole,
                    int exchanges) {
    void *users[MAX_RANKS];
    for (uint32_t r = 0; r < split->ranks; r++)
        users[r] = &shares[r];
    team_run(&team, split->ranks, share_step, users);
    MUST(share_step(whole));
    for (uint32_t r = 0; r < split->ranks; r++) {
        if (team.members[r].exchanges != exchanges)
            fail_msg("%s: rank %u took part in %d exchanges, must be %d", label, r, team.members[r].exchanges,
                     exchanges);
    }
    return compare_step(label, shares, split, whole);
}

static int check_split(const struct variant *v, const struct split *split) {
    char label[96];
    struct share shares[MAX_RANKS] = {0};
    uint32_t rows = 0;
    for (uint32_t r = 0; r < split->ranks; r++) {
        const vkn_communicator communicator = team_communicator(&team, r);
        shares[r] = share_make(&team.members[r].rig, v, rows, split->sizes[r]);
        team.members[r].ranks = split->ranks;
        MUST(vkn_layer_synchronize(shares[r].layer, &communicator));
        rows += split->sizes[r];
    }
    struct share whole = share_make(&whole_rig, v, 0, rows);
    int faults = 0;
    for (int step = 0; step < 4; step++) { // train, train and accumulate, evaluate, train
        snprintf(label, sizeof label, "%s, split %d, step %d", v->name, (int)(split - splits), step);
        for (uint32_t r = 0; r <= split->ranks; r++) {
            vkn_layer *layer = r < split->ranks ? shares[r].layer : whole.layer;
            vkn_layer_accumulate(layer, step == 1);
            vkn_layer_train(layer, step != 2);
        }
        faults += step_all(label, shares, split, &whole, step == 2 ? 0 : 2);
    }
    for (uint32_t r = 0; r < split->ranks; r++) {
        assert_int_equal(share_counted(&shares[r]), 3);
        share_destroy(&shares[r]);
    }
    share_destroy(&whole);
    return faults;
}

static void ranks_give_what_one_layer_gives(void **state) {
    (void)state;
    int faults = 0;
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
        for (size_t s = 0; s < sizeof splits / sizeof *splits; s++)
            faults += check_split(&variants[v], &splits[s]);
    }
    assert_int_equal(faults, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranks_give_what_one_layer_gives)};
    return cmocka_run_group_tests_name("ranks", tests, setup, teardown);
}
