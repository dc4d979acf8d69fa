// SPDX-License-Identifier: MIT
// Which passes a plan is made of: as few as read and write as little as can be, and the others where it cannot be.
#include "plan_case.h" // first: it brings volk

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST_PASSES = 5 };

#define X(id, name, bindings, writes, push, variants, uses) #name,
static const char *const shader_names[] = {VKN_SHADERS(X)};
#undef X

#define PASSES(...) sizeof((vkn_shader[])__VA_ARGS__) / sizeof(vkn_shader), __VA_ARGS__
static const struct expectation {
    const char *name;
    planner *plan;
    int device;
    struct norm_case c;
    vkn_request request;
    uint32_t count;
    vkn_shader passes[MOST_PASSES];
} expectations[] = {
    // layer, rms: dx, dweight and dbias in one sweep, and a merge
    {"layer backward",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_NORM_ROW_GRAD, VKN_SHADER_MERGE_SUMS})},
    {"layer backward with dh",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}),
     {.present = TRAINED | BIT(VKN_DH)},
     PASSES({VKN_SHADER_NORM_ROW_GRAD, VKN_SHADER_MERGE_SUMS})},
    {"rms backward on a CPU",
     vkn_plan_backward,
     DEVICE_CPU,
     CASE(VKN_RMS, VKN_CHANNELS_FIRST, {4096, 1024}),
     {.present = TRAINED & ~BIT(VKN_DBIAS)},
     PASSES({VKN_SHADER_NORM_ROW_GRAD, VKN_SHADER_MERGE_SUMS})},
    {"layer backward, rows too wide for registers",
     vkn_plan_backward,
     DEVICE_CPU,
     CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 4096}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_NORM_ROW_GRAD, VKN_SHADER_MERGE_SUMS})},
    {"layer backward, few rows too wide for registers",
     vkn_plan_backward,
     DEVICE_CPU,
     CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {64, 4096}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_GRAD_STATS_COLUMNS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_NORM_ROW_GRAD})},
    {"layer backward, rows too wide to be read again",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 65536}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_GRAD_STATS_COLUMNS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_GRAD_STATS_ROWS, VKN_SHADER_MERGE_SUMS,
             VKN_SHADER_GRAD_APPLY_ROWS})},
    {"layer backward, weights per sample",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4, 1024, 1024}),
     {.present = TRAINED, .per_sample = true},
     PASSES({VKN_SHADER_GRAD_STATS_COLUMNS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_NORM_ROW_GRAD})},
    {"layer backward with dresidual",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}),
     {.present = TRAINED | BIT(VKN_DRESIDUAL)},
     PASSES({VKN_SHADER_GRAD_STATS_COLUMNS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_NORM_ROW_GRAD})},
    {"layer backward, dx alone",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}),
     {.present = TRAINED & ~(BIT(VKN_DWEIGHT) | BIT(VKN_DBIAS))},
     PASSES({VKN_SHADER_NORM_ROW_GRAD})},
    // batch: a team reads its channel's slab again from the cache
    {"batch forward",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     {.present = FORWARD | RUNNING | BIT(VKN_STATISTICS), .training = true, .momentum = 0.1f},
     PASSES({VKN_SHADER_NORM_ROW})},
    {"batch forward, num_batches_tracked",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     {.present = FORWARD | RUNNING | BIT(VKN_BATCHES), .training = true, .momentum = 0.1f},
     PASSES({VKN_SHADER_COUNT_BATCHES, VKN_SHADER_NORM_ROW})},
    {"batch forward, cumulative average",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     {.present = FORWARD | RUNNING | BIT(VKN_BATCHES), .training = true, .momentum = -1},
     PASSES({VKN_SHADER_COUNT_BATCHES, VKN_SHADER_NORM_ROW, VKN_SHADER_RUNNING})},
    {"batch forward with h",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     {.present = FORWARD | RUNNING | BIT(VKN_RESIDUAL) | BIT(VKN_H), .training = true, .momentum = 0.1f},
     PASSES({VKN_SHADER_NORM_ROW, VKN_SHADER_RUNNING})},
    {"batch forward, slab too large",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 28, 28}),
     {.present = FORWARD | BIT(VKN_STATISTICS), .training = true},
     PASSES({VKN_SHADER_STATS_ROWS, VKN_SHADER_MERGE_STATS, VKN_SHADER_APPLY_ROWS})},
    {"batch forward, too few channels to fill the device",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 32, 21, 21}),
     {.present = FORWARD | BIT(VKN_STATISTICS), .training = true},
     PASSES({VKN_SHADER_STATS_ROWS, VKN_SHADER_MERGE_STATS, VKN_SHADER_APPLY_ROWS})},
    {"batch forward, few channels that registers hold",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 32, 20, 20}),
     {.present = FORWARD | BIT(VKN_STATISTICS), .training = true},
     PASSES({VKN_SHADER_NORM_ROW})},
    {"batch forward, the same on a CPU",
     vkn_plan_forward,
     DEVICE_CPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 32, 21, 21}),
     {.present = FORWARD | BIT(VKN_STATISTICS), .training = true},
     PASSES({VKN_SHADER_NORM_ROW})},
    {"batch forward, channels last",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_LAST, {32, 512, 7, 7}),
     {.present = FORWARD | BIT(VKN_STATISTICS), .training = true},
     PASSES({VKN_SHADER_STATS_COLUMNS, VKN_SHADER_MERGE_STATS, VKN_SHADER_APPLY_COLUMNS})},
    {"batch backward",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_NORM_ROW_GRAD, VKN_SHADER_MERGE_SUMS})},
    {"batch backward, slab too large",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 28, 28}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_GRAD_STATS_ROWS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_GRAD_APPLY_ROWS})},
    {"batch backward, too few channels to fill the device",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 32, 20, 20}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_GRAD_STATS_ROWS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_GRAD_APPLY_ROWS})},
    // columns of few positions: all of them are a team's
    {"batch of features forward",
     vkn_plan_forward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {128, 1024}),
     {.present = FORWARD | RUNNING | BIT(VKN_STATISTICS), .training = true, .momentum = 0.1f},
     PASSES({VKN_SHADER_NORM_COLUMNS})},
    {"batch of features backward",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {128, 1024}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_GRAD_STATS_COLUMNS, VKN_SHADER_MERGE_SUMS})},
    {"batch of features backward, dx alone",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {128, 1024}),
     {.present = TRAINED & ~(BIT(VKN_DWEIGHT) | BIT(VKN_DBIAS))},
     PASSES({VKN_SHADER_GRAD_STATS_COLUMNS})},
    {"batch of features backward with dresidual",
     vkn_plan_backward,
     DEVICE_GPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {128, 1024}),
     {.present = TRAINED | BIT(VKN_DRESIDUAL)},
     PASSES(
         {VKN_SHADER_GRAD_STATS_COLUMNS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_GRAD_APPLY_COLUMNS})},
    {"instance forward, channels last, on a CPU",
     vkn_plan_forward,
     DEVICE_CPU,
     CASE(VKN_INSTANCE, VKN_CHANNELS_LAST, {8, 64, 7, 7}),
     {.present = FORWARD},
     PASSES({VKN_SHADER_NORM_COLUMNS})},
    // batch with frozen statistics: dx beside the sums
    {"frozen", vkn_plan_backward, DEVICE_GPU, CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}), FROZEN(BACKWARD),
     PASSES({VKN_SHADER_RUNNING_STATISTICS, VKN_SHADER_GRAD_STATS_ROWS, VKN_SHADER_MERGE_SUMS})},
    {"frozen, channels last", vkn_plan_backward, DEVICE_GPU, CASE(VKN_BATCH, VKN_CHANNELS_LAST, {32, 512, 7, 7}),
     FROZEN(BACKWARD), PASSES({VKN_SHADER_RUNNING_STATISTICS, VKN_SHADER_GRAD_STATS_COLUMNS, VKN_SHADER_MERGE_SUMS})},
    {"frozen, dx alone", vkn_plan_backward, DEVICE_GPU, CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     FROZEN(BACKWARD & ~(BIT(VKN_DWEIGHT) | BIT(VKN_DBIAS))),
     PASSES({VKN_SHADER_RUNNING_STATISTICS, VKN_SHADER_GRAD_APPLY_ROWS})},
    {"frozen, dweight alone", vkn_plan_backward, DEVICE_GPU, CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     FROZEN(BACKWARD & ~BIT(VKN_DX)),
     PASSES({VKN_SHADER_RUNNING_STATISTICS, VKN_SHADER_GRAD_STATS_ROWS, VKN_SHADER_MERGE_SUMS})},
    {"frozen with dh", vkn_plan_backward, DEVICE_GPU, CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     FROZEN(BACKWARD | BIT(VKN_DH)),
     PASSES({VKN_SHADER_RUNNING_STATISTICS, VKN_SHADER_GRAD_STATS_ROWS, VKN_SHADER_MERGE_SUMS,
             VKN_SHADER_GRAD_APPLY_ROWS})},
    {"frozen with dresidual", vkn_plan_backward, DEVICE_GPU, CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7}),
     FROZEN(BACKWARD | BIT(VKN_DRESIDUAL)),
     PASSES({VKN_SHADER_RUNNING_STATISTICS, VKN_SHADER_GRAD_STATS_ROWS, VKN_SHADER_MERGE_SUMS,
             VKN_SHADER_GRAD_APPLY_ROWS})},
};

static void print_passes(const char *title, const vkn_shader *first, size_t stride, uint32_t count) {
    print_error("%s:", title);
    for (uint32_t i = 0; i < count; i++)
        print_error(" %s", shader_names[*(const vkn_shader *)((const char *)first + i * stride)]);
    print_error("\n");
}

static void plans_have_these_passes(void **state) {
    (void)state;
    vkn_plan plan = {0};
    int faults = 0;
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++) {
        const struct expectation *e = &expectations[i];
        vkn_geometry g = geometry_of(&e->c);
        vkn_limits limits = vkn_limits_make(&devices[e->device].info);
        MUST(e->plan(&plan, &g, &limits, &e->request));
        bool same = plan.count == e->count;
        for (uint32_t k = 0; same && k < e->count; k++)
            same = plan.passes[k].shader == e->passes[k];
        if (same) continue;
        faults++;
        print_error("%s\n", e->name);
        print_passes("  planned", &plan.passes->shader, sizeof *plan.passes, plan.count);
        print_passes("  must be", e->passes, sizeof *e->passes, e->count);
    }
    free(plan.passes);
    assert_int_equal(faults, 0);
}

// The records of a fused backward: one part for each team's rows, for each ROWS of them where those are too wide, or
// for those of a GPU's workgroup.
static void parts_are_teams(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        int device;
        bool wide;
        uint32_t sums, lanes;
    } cases[] = {
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {64, 1024, 1024}), DEVICE_GPU, false, VKN_SUMS_WORKGROUP, 64},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 4096}), DEVICE_GPU, false, VKN_SUMS_TEAM, 256},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 8192}), DEVICE_GPU, false, VKN_SUMS_TEAM, 512},
        {CASE(VKN_RMS, VKN_CHANNELS_FIRST, {1001, 100}), DEVICE_GPU, false, VKN_SUMS_WORKGROUP, 8},
        {CASE(VKN_RMS, VKN_CHANNELS_FIRST, {10003, 768}), DEVICE_CPU, false, VKN_SUMS_TEAM, 8},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4095, 4096}), DEVICE_CPU, true, VKN_SUMS_TEAM, 8},
    };
    vkn_plan plan = {0};
    const vkn_request request = {.present = TRAINED};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_pass *grad =
            pass_of(&plan, &cases[i].c, vkn_plan_backward, &request, cases[i].device, VKN_SHADER_NORM_ROW_GRAD);
        const vkn_pass *merge =
            pass_of(&plan, &cases[i].c, vkn_plan_backward, &request, cases[i].device, VKN_SHADER_MERGE_SUMS);
        uint32_t rows = grad->constants.value[VKN_CONSTANT_ROWS], step = grad->push.rows.unit_step;
        bool together = cases[i].sums == VKN_SUMS_WORKGROUP;
        assert_int_equal(grad->constants.value[VKN_CONSTANT_SUMS], cases[i].sums);
        assert_int_equal(grad->constants.value[VKN_CONSTANT_LANES], cases[i].lanes);
        assert_int_equal(grad->constants.value[VKN_CONSTANT_ON_CHIP], !cases[i].wide);
        assert_int_equal(rows > 1, cases[i].wide);
        uint32_t parts = together ? grad->workgroups : grad->push.rows.teams * (rows > 1 ? step / rows : 1);
        assert_int_equal(merge->push.merge.parts, parts);
        assert_int_equal(merge->push.merge.flags, VKN_WRITE_DWEIGHT | VKN_WRITE_DBIAS);
        assert_true(merge->barrier);
    }
    free(plan.passes);
}

// Which pass of frozen statistics gives dx, and where dh is added.
static void frozen_statistics_give_dx_once(void **state) {
    (void)state;
    static const struct norm_case batch = CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 7, 7});
    static const struct norm_case last = CASE(VKN_BATCH, VKN_CHANNELS_LAST, {32, 512, 7, 7});
    vkn_plan plan = {0};
    vkn_request request = FROZEN(BACKWARD);
    const vkn_pass *pass = pass_of(&plan, &batch, vkn_plan_backward, &request, DEVICE_GPU, VKN_SHADER_GRAD_STATS_ROWS);
    assert_true(pass->constants.value[VKN_CONSTANT_DX]);
    assert_int_equal(pass->bindings[6].operand, VKN_DX);
    pass = pass_of(&plan, &last, vkn_plan_backward, &request, DEVICE_GPU, VKN_SHADER_GRAD_STATS_COLUMNS);
    assert_true(pass->constants.value[VKN_CONSTANT_DX]);
    assert_int_equal(pass->bindings[6].operand, VKN_DX);

    request.present &= ~BIT(VKN_DX);
    pass = pass_of(&plan, &batch, vkn_plan_backward, &request, DEVICE_GPU, VKN_SHADER_GRAD_STATS_ROWS);
    assert_false(pass->constants.value[VKN_CONSTANT_DX]);
    assert_int_equal(pass->bindings[6].operand, VKN_ABSENT);

    request.present |= BIT(VKN_DX) | BIT(VKN_DH);
    pass = pass_of(&plan, &batch, vkn_plan_backward, &request, DEVICE_GPU, VKN_SHADER_GRAD_STATS_ROWS);
    assert_false(pass->constants.value[VKN_CONSTANT_DX]);
    pass = pass_of(&plan, &batch, vkn_plan_backward, &request, DEVICE_GPU, VKN_SHADER_GRAD_APPLY_ROWS);
    assert_int_equal(pass->bindings[5].operand, VKN_DH);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_RESIDUAL], VKN_ADD_BEFORE);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_DX], VKN_DX_FROZEN);
    pass = pass_of(&plan, &last, vkn_plan_backward, &request, DEVICE_GPU, VKN_SHADER_GRAD_APPLY_COLUMNS);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_DX], VKN_DX_FROZEN);
    free(plan.passes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_have_these_passes),
        cmocka_unit_test(parts_are_teams),
        cmocka_unit_test(frozen_statistics_give_dx_once),
    };
    return cmocka_run_group_tests_name("plan_rows", tests, NULL, NULL);
}
