// SPDX-License-Identifier: MIT
// Plans with no GPU: for made-up devices, each pass stays within the limits and within its tensors, and together they
// write every element.
#include "plan_case.h" // first: it brings volk

#include "tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct norm_case huge[] = {
    {NORM(VKN_LAYER, 1), VKN_CHANNELS_FIRST, 2, {1u << 20, 8192}, DATA_NORMAL, SIZE_LARGE},
    {NORM(VKN_LAYER, 1), VKN_CHANNELS_LAST, 3, {7, 1024, 1u << 20}, DATA_NORMAL, SIZE_LARGE},
    {NORM(VKN_RMS, 1), VKN_CHANNELS_FIRST, 2, {5, 1u << 30}, DATA_NORMAL, SIZE_LARGE},
    {NORM(VKN_BATCH, 1), VKN_CHANNELS_FIRST, 4, {64, 64, 1024, 1025}, DATA_NORMAL, SIZE_LARGE},
    {NORM(VKN_BATCH, 1), VKN_CHANNELS_LAST, 4, {64, 64, 1024, 1025}, DATA_NORMAL, SIZE_LARGE},
    {NORM(VKN_GROUP, 8), VKN_CHANNELS_LAST, 3, {3, 64, 1u << 25}, DATA_NORMAL, SIZE_LARGE},
    {NORM(VKN_INSTANCE, 1), VKN_CHANNELS_FIRST, 3, {100, 700, 70000}, DATA_NORMAL, SIZE_LARGE},
};

// Bytes of each operand of a call.
static uint64_t bytes_of(const vkn_plan *plan, const vkn_geometry *g, vkn_operand operand) {
    const vkn_request *request = &plan->request;
    uint64_t parameters = g->features * (request->per_sample ? g->batch : 1);
    switch (operand) {
    case VKN_X:
    case VKN_Y:
    case VKN_DY:
    case VKN_DX:
    case VKN_RESIDUAL:
    case VKN_H:
    case VKN_DRESIDUAL:
    case VKN_DH:
        return g->elements * vkn_dtype_bytes(request->dtype);
    case VKN_WEIGHT_OPERAND:
    case VKN_BIAS_OPERAND:
        return parameters * vkn_dtype_bytes(request->parameter_dtype);
    case VKN_DWEIGHT:
    case VKN_DBIAS:
        return parameters * 4;
    case VKN_STATISTICS:
    case VKN_MOMENTS:
    case VKN_SUMS:
        return g->groups * 16;
    case VKN_RUNNING_MEAN_OPERAND:
    case VKN_RUNNING_VAR_OPERAND:
        return g->channels * 4;
    case VKN_BATCHES:
        return 8;
    default:
        return plan->scratch[operand];
    }
}

static void check_bindings(const vkn_plan *plan, const vkn_geometry *g, const vkn_device_info *info) {
    for (uint32_t i = 0; i < plan->count; i++) {
        const vkn_pass *pass = &plan->passes[i];
        uint64_t most = info->max_workgroups;
        assert_true(pass->workgroups >= 1 && pass->workgroups <= most * most * most);
        for (uint32_t b = 0; b < VKN_MAX_BINDINGS; b++) {
            const vkn_binding *binding = &pass->bindings[b];
            if (binding->operand == VKN_ABSENT) continue;
            assert_true(b < vkn_shader_bindings(pass->shader));
            assert_true(binding->bytes > 0);
            assert_true(binding->bytes + info->offset_alignment - 4 <= info->max_binding_bytes);
            assert_true(binding->first + binding->bytes <= bytes_of(plan, g, binding->operand));
        }
    }
}

// Whether the bindings of `operand`, in any order, leave no byte of it out.
static bool covers(const vkn_plan *plan, vkn_operand operand, uint64_t bytes) {
    uint64_t reached = 0;
    for (bool grew = true; grew && reached < bytes;) {
        grew = false;
        for (uint32_t i = 0; i < plan->count; i++) {
            for (uint32_t b = 0; b < VKN_MAX_BINDINGS; b++) {
                const vkn_binding *binding = &plan->passes[i].bindings[b];
                uint64_t end = binding->first + binding->bytes;
                if (binding->operand != operand || binding->first > reached || end <= reached) continue;
                reached = end;
                grew = true;
            }
        }
    }
    return reached == bytes;
}

// Running statistics are taken away from the kinds that have none, weights per sample from those that cannot.
static const struct call {
    planner *plan;
    vkn_request request;
} calls[] = {
    {vkn_plan_forward, {.present = FORWARD | BIT(VKN_STATISTICS) | RUNNING, .training = true, .momentum = 0.1f}},
    {vkn_plan_forward, {.present = BIT(VKN_X) | BIT(VKN_Y)}},
    {vkn_plan_forward, {.present = FORWARD | RUNNING, .from_running = true, .dtype = VKN_F16}},
    {vkn_plan_forward, {.present = FORWARD | BIT(VKN_RESIDUAL), .activation = VKN_RELU, .per_sample = true}},
    {vkn_plan_forward,
     {.present = FORWARD | BIT(VKN_RESIDUAL) | BIT(VKN_H),
      .dtype = VKN_BF16,
      .parameter_dtype = VKN_BF16,
      .per_sample = true}},
    {vkn_plan_forward,
     {.present = FORWARD | BIT(VKN_STATISTICS) | BIT(VKN_MOMENTS) | RUNNING, .training = true, .momentum = -1}},
    {vkn_plan_moments, {.present = BIT(VKN_X) | BIT(VKN_MOMENTS)}},
    {vkn_plan_backward, {.present = BACKWARD | BIT(VKN_STATISTICS)}},
    {vkn_plan_backward, {.present = BACKWARD, .accumulate = true}},
    {vkn_plan_backward, {.present = BACKWARD | RUNNING | AFTER, .from_running = true, .activation = VKN_RELU}},
    {vkn_plan_backward, {.present = BACKWARD | AFTER, .dtype = VKN_F16, .activation = VKN_SILU, .per_sample = true}},
    {vkn_plan_backward, {.present = BACKWARD | BIT(VKN_DH), .dtype = VKN_BF16, .parameter_dtype = VKN_BF16}},
    {vkn_plan_sums, {.present = (BACKWARD & ~BIT(VKN_DX)) | BIT(VKN_STATISTICS) | BIT(VKN_SUMS)}},
    {vkn_plan_backward,
     {.present = (BACKWARD & ~(BIT(VKN_DWEIGHT) | BIT(VKN_DBIAS))) | BIT(VKN_STATISTICS) | BIT(VKN_SUMS)}},
};

// Prints which case it was, and fails, unless the plan could be made.
static void must_plan(vkn_result result, const struct norm_case *c, const vkn_device_info *info) {
    if (!result) return;
    char name[NORM_CASE_NAME_SIZE];
    norm_case_name(c, name);
    fail_msg("%s, bindings of %llu bytes: %s", name, (unsigned long long)info->max_binding_bytes, vkn_error_message());
}

static void check_case(const struct norm_case *c, const vkn_device_info *info, vkn_plan *plan) {
    static const vkn_operand written[] = {VKN_Y, VKN_H, VKN_DX, VKN_DRESIDUAL, VKN_DWEIGHT, VKN_DBIAS};
    vkn_geometry g = geometry_of(c);
    vkn_limits limits = vkn_limits_make(info);
    bool tracks = c->norm.kind == VKN_BATCH || c->norm.kind == VKN_INSTANCE;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        vkn_request request = calls[i].request;
        if (!tracks) request.present &= ~RUNNING;
        request.from_running = request.from_running && tracks;
        // Records of one channel of all samples must fit together.
        request.per_sample = request.per_sample && g.has_batch && g.batch * 16 < info->max_binding_bytes / 4;
        must_plan(calls[i].plan(plan, &g, &limits, &request), c, info);
        check_bindings(plan, &g, info);
        for (size_t k = 0; k < sizeof written / sizeof *written; k++) {
            if (request.present & BIT(written[k]))
                assert_true(covers(plan, written[k], bytes_of(plan, &g, written[k])));
        }
        if ((request.present & BIT(VKN_STATISTICS)) && calls[i].plan == vkn_plan_forward)
            assert_true(covers(plan, VKN_STATISTICS, g.groups * 16));
    }
}

static void plans_stay_within_limits(void **state) {
    (void)state;
    vkn_plan plan = {0};
    for (size_t d = 0; d < DEVICES; d++) {
        for (size_t i = 0; i < norm_case_count; i++)
            check_case(&norm_cases[i], &devices[d].info, &plan);
    }
    free(plan.passes);
}

// Tensors of 16 to 40 GB on devices whose bindings see 128 MiB to 4 GiB.
static void huge_tensors_are_cut(void **state) {
    (void)state;
    vkn_plan plan = {0};
    for (size_t d = 0; d < DEVICE_LEAST; d++) {
        for (size_t i = 0; i < sizeof huge / sizeof *huge; i++)
            check_case(&huge[i], &devices[d].info, &plan);
    }
    free(plan.passes);
}

// The least traffic: a row that fits is one dispatch forward, and so is each kind with running statistics.
static void as_few_passes_as_can_be(void **state) {
    (void)state;
    vkn_plan plan = {0};
    vkn_limits limits = vkn_limits_make(&devices[DEVICE_GPU].info);
    vkn_request forward = {.present = FORWARD | BIT(VKN_STATISTICS)};
    const struct norm_case rows = {NORM(VKN_LAYER, 1), VKN_CHANNELS_FIRST, 2, {4096, 1024}, DATA_NORMAL, SIZE_SMALL};
    vkn_geometry g = geometry_of(&rows);
    MUST(vkn_plan_forward(&plan, &g, &limits, &forward));
    assert_int_equal(plan.count, 1);
    forward.present |= BIT(VKN_RESIDUAL) | BIT(VKN_H);
    MUST(vkn_plan_forward(&plan, &g, &limits, &forward));
    assert_int_equal(plan.count, 1);
    const struct norm_case batch = {NORM(VKN_BATCH, 1), VKN_CHANNELS_FIRST, 4,
                                    {32, 64, 56, 56},   DATA_NORMAL,        SIZE_SMALL};
    g = geometry_of(&batch);
    vkn_request eval = {.present = FORWARD | RUNNING | BIT(VKN_RESIDUAL), .from_running = true, .activation = VKN_RELU};
    MUST(vkn_plan_forward(&plan, &g, &limits, &eval));
    assert_int_equal(plan.count, 1);
    free(plan.passes);
}

static void empty_tensors_dispatch_nothing(void **state) {
    (void)state;
    vkn_plan plan = {0};
    vkn_limits limits = vkn_limits_make(&devices[DEVICE_GPU].info);
    const struct norm_case empty = {NORM(VKN_BATCH, 1), VKN_CHANNELS_FIRST, 3, {0, 6, 5}, DATA_NORMAL, SIZE_SMALL};
    vkn_geometry g = geometry_of(&empty);
    vkn_request request = {.present = BIT(VKN_X) | BIT(VKN_Y) | AFFINE, .training = true};
    MUST(vkn_plan_forward(&plan, &g, &limits, &request));
    assert_int_equal(plan.count, 0);
    request.present = GRADIENTS;
    request.accumulate = true;
    MUST(vkn_plan_backward(&plan, &g, &limits, &request));
    assert_int_equal(plan.count, 0);
    free(plan.passes);
}

// What is more than a binding sees is cut into boxes of the same size, of whole sets of rows.
static void boxes_are_even(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        planner *make;
        vkn_shader shader;
        uint32_t boxes, units, outers;
    } cases[] = {
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 8192}), vkn_plan_forward, VKN_SHADER_NORM_ROW, 2, 2048, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 8192}), vkn_plan_backward, VKN_SHADER_NORM_ROW_GRAD, 2, 2048, 1},
        {CASE(VKN_INSTANCE, VKN_CHANNELS_FIRST, {1, 512, 256, 256}), vkn_plan_forward, VKN_SHADER_NORM_ROW, 2, 256, 1},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {48, 64, 112, 112}), vkn_plan_forward, VKN_SHADER_STATS_ROWS, 2, 64, 24},
    };
    vkn_plan plan = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bool backward = cases[i].make == vkn_plan_backward;
        vkn_geometry g = geometry_of(&cases[i].c);
        vkn_limits limits = vkn_limits_make(&devices[DEVICE_CPU].info);
        vkn_request request = {.present = backward ? TRAINED : FORWARD, .training = true};
        MUST(cases[i].make(&plan, &g, &limits, &request));
        uint32_t boxes = 0;
        for (uint32_t k = 0; k < plan.count; k++) {
            const vkn_pass *pass = &plan.passes[k];
            if (pass->shader != cases[i].shader) continue;
            boxes++;
            assert_int_equal(pass->push.rows.units, cases[i].units);
            assert_int_equal(pass->push.rows.outers, cases[i].outers);
            assert_true(pass->constants.value[VKN_CONSTANT_WHOLE]);
        }
        assert_int_equal(boxes, cases[i].boxes);
    }
    free(plan.passes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_stay_within_limits),       cmocka_unit_test(huge_tensors_are_cut),
        cmocka_unit_test(as_few_passes_as_can_be),        cmocka_unit_test(boxes_are_even),
        cmocka_unit_test(empty_tensors_dispatch_nothing),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
