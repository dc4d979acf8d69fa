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

#define CASE(kind, layout, ...)                                                                                        \
    { NORM(kind, 1), layout, sizeof((uint32_t[])__VA_ARGS__) / 4, __VA_ARGS__, DATA_NORMAL, SIZE_SMALL }
#define PASSES(...) sizeof((vkn_shader[])__VA_ARGS__) / sizeof(vkn_shader), __VA_ARGS__
#define TRAINED (BACKWARD | BIT(VKN_STATISTICS))
#define FROZEN(bits)                                                                                                   \
    { .present = (bits) | RUNNING, .from_running = true }

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
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 7, 7}),
     {.present = FORWARD | BIT(VKN_STATISTICS), .training = true},
     PASSES({VKN_SHADER_STATS_ROWS, VKN_SHADER_MERGE_STATS, VKN_SHADER_APPLY_ROWS})},
    {"batch forward, the same on a CPU",
     vkn_plan_forward,
     DEVICE_CPU,
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 7, 7}),
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
     CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 7, 7}),
     {.present = TRAINED},
     PASSES({VKN_SHADER_GRAD_STATS_ROWS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_MERGE_SUMS, VKN_SHADER_GRAD_APPLY_ROWS})},
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
        vkn_limits limits = vkn_limits_make(&devices[e->device].info, 0);
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

// Plans `e` and gives its only pass with the shader.
static const vkn_pass *pass_of(vkn_plan *plan, const struct norm_case *c, planner *make, const vkn_request *request,
                               int device, vkn_shader shader) {
    static vkn_geometry g;
    static vkn_limits limits;
    g = geometry_of(c);
    limits = vkn_limits_make(&devices[device].info, 0);
    if (limits.vector && request->dtype == VKN_F32) limits.vector = 1;
    MUST(make(plan, &g, &limits, request));
    const vkn_pass *found = NULL;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->passes[i].shader != shader) continue;
        assert_null(found);
        found = &plan->passes[i];
    }
    assert_non_null(found);
    return found;
}

// A team has several rows, so that it loads the weights once, as long as the device stays filled.
static void teams_have_several_rows(void **state) {
    (void)state;
    static const struct norm_case many = CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {64, 1024, 1024});
    static const struct norm_case few = CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {2, 64, 1024});
    static const struct norm_case odd = CASE(VKN_RMS, VKN_CHANNELS_FIRST, {65537, 1024});
    vkn_plan plan = {0};
    vkn_request request = {.present = FORWARD};
    const vkn_pass *pass = pass_of(&plan, &many, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    uint32_t step = pass->push.rows.unit_step;
    assert_true(step > 1);
    assert_int_equal((uint64_t)step * pass->push.rows.teams, 65536);
    assert_true(pass->push.rows.teams * pass->constants.value[VKN_CONSTANT_LANES] >= 65536);

    pass = pass_of(&plan, &few, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    assert_int_equal(pass->push.rows.unit_step, 1);
    assert_int_equal(pass->push.rows.teams, 128);

    request.per_sample = true;
    pass = pass_of(&plan, &many, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    assert_int_equal(pass->push.rows.unit_step, 1);

    request.per_sample = false;
    pass = pass_of(&plan, &odd, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    step = pass->push.rows.unit_step;
    assert_true(step > 1);
    assert_int_equal(pass->push.rows.teams, (65537 + step - 1) / step);
    assert_false(pass->constants.value[VKN_CONSTANT_WHOLE]); // the last team has a single row
    free(plan.passes);
}

// The records of a fused backward: one part for each team's rows, or for each ROWS of them where those are too wide.
static void parts_are_teams(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        int device;
        bool wide;
    } cases[] = {
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {64, 1024, 1024}), DEVICE_GPU, false},
        {CASE(VKN_RMS, VKN_CHANNELS_FIRST, {1001, 100}), DEVICE_GPU, false},
        {CASE(VKN_RMS, VKN_CHANNELS_FIRST, {10003, 768}), DEVICE_CPU, false},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4095, 4096}), DEVICE_CPU, true},
    };
    vkn_plan plan = {0};
    const vkn_request request = {.present = TRAINED};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_pass *grad =
            pass_of(&plan, &cases[i].c, vkn_plan_backward, &request, cases[i].device, VKN_SHADER_NORM_ROW_GRAD);
        const vkn_pass *merge =
            pass_of(&plan, &cases[i].c, vkn_plan_backward, &request, cases[i].device, VKN_SHADER_MERGE_SUMS);
        uint32_t rows = grad->constants.value[VKN_CONSTANT_ROWS], step = grad->push.rows.unit_step;
        assert_true(grad->constants.value[VKN_CONSTANT_SUMS]);
        assert_int_equal(grad->constants.value[VKN_CONSTANT_ON_CHIP], !cases[i].wide);
        assert_int_equal(rows > 1, cases[i].wide);
        assert_int_equal(merge->push.merge.parts, grad->push.rows.teams * (rows > 1 ? step / rows : 1));
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
    free(plan.passes);
}

// Work is cut so that no lane has a part of a block, where the shape allows it.
static void blocks_are_whole(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        vkn_request request;
        vkn_shader shader;
        bool whole;
    } cases[] = {
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 56, 56}), FROZEN(FORWARD), VKN_SHADER_APPLY_ROWS, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 28, 28}), FROZEN(FORWARD), VKN_SHADER_APPLY_ROWS, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 14, 14}), FROZEN(FORWARD), VKN_SHADER_APPLY_ROWS, false},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 14, 14}), {.present = FORWARD}, VKN_SHADER_NORM_ROW, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {31, 64, 14, 14}), {.present = FORWARD}, VKN_SHADER_NORM_ROW, false},
    };
    vkn_plan plan = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_pass *pass =
            pass_of(&plan, &cases[i].c, vkn_plan_forward, &cases[i].request, DEVICE_CPU, cases[i].shader);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_WHOLE], cases[i].whole);
        assert_in_range(pass->constants.value[VKN_CONSTANT_BLOCK], 1, 8);
    }
    free(plan.passes);
}

// Group norm reads a weight once for a block of words where all of them have the same.
static void blocks_share_weights(void **state) {
    (void)state;
    struct norm_case c = CASE(VKN_GROUP, VKN_CHANNELS_FIRST, {4, 320, 64, 64});
    c.norm.groups = 32;
    vkn_plan plan = {0};
    const vkn_request request = {.present = FORWARD};
    const vkn_pass *pass = pass_of(&plan, &c, vkn_plan_forward, &request, DEVICE_CPU, VKN_SHADER_NORM_ROW);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_AFFINE], VKN_AFFINE_BLOCK);
    assert_int_equal(pass->push.rows.affine_span, 64 * 64);
    c.shape[2] = c.shape[3] = 62;
    pass = pass_of(&plan, &c, vkn_plan_forward, &request, DEVICE_CPU, VKN_SHADER_NORM_ROW);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_AFFINE], VKN_AFFINE_SPAN);
    free(plan.passes);
}

// On a CPU a subgroup reads several rows at once, as far as there are enough of them, unless its registers hold one.
static void subgroups_read_streams(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        uint32_t lanes, neighbours;
    } cases[] = {
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 14, 14}), 1, 1},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 14, 14}), 4, 1},
        {CASE(VKN_INSTANCE, VKN_CHANNELS_FIRST, {2, 64, 64, 64}), 2, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 4096}), 2, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}), 8, 4},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 192}), 8, 2},
    };
    vkn_plan plan = {0};
    const vkn_request request = {.present = FORWARD};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_pass *pass = pass_of(&plan, &cases[i].c, vkn_plan_forward, &request, DEVICE_CPU, VKN_SHADER_NORM_ROW);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_LANES], cases[i].lanes);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_WORDS], cases[i].neighbours);
    }
    free(plan.passes);
}

// Two words of 16 bits are one load where each lane has pairs of them, and all pairs begin at 16 bytes.
static void halves_are_loaded_in_pairs(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        vkn_dtype dtype;
        vkn_shader shader;
        uint32_t words;
    } cases[] = {
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}), VKN_F32, VKN_SHADER_NORM_ROW, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}), VKN_BF16, VKN_SHADER_NORM_ROW, 2},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1020}), VKN_BF16, VKN_SHADER_NORM_ROW, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1023}), VKN_BF16, VKN_SHADER_NORM_ROW, 0},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 5120}), VKN_F16, VKN_SHADER_NORM_ROW, 1}, // 5 words a lane
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 56, 56}), VKN_F16, VKN_SHADER_STATS_ROWS, 2},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 56, 56}), VKN_F16, VKN_SHADER_APPLY_ROWS, 2},
        {CASE(VKN_BATCH, VKN_CHANNELS_LAST, {32, 64, 56, 56}), VKN_F16, VKN_SHADER_APPLY_COLUMNS, 2},
    };
    vkn_plan plan = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_request request = {.present = FORWARD, .dtype = cases[i].dtype};
        const vkn_pass *pass = pass_of(&plan, &cases[i].c, vkn_plan_forward, &request, DEVICE_GPU, cases[i].shader);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_VECTOR], cases[i].words);
    }
    free(plan.passes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_are_loaded_in_pairs),
        cmocka_unit_test(blocks_are_whole),
        cmocka_unit_test(blocks_share_weights),
        cmocka_unit_test(subgroups_read_streams),
        cmocka_unit_test(plans_have_these_passes),
        cmocka_unit_test(teams_have_several_rows),
        cmocka_unit_test(parts_are_teams),
        cmocka_unit_test(frozen_statistics_give_dx_once),
    };
    return cmocka_run_group_tests_name("plan_rows", tests, NULL, NULL);
}
