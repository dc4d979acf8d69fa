// SPDX-License-Identifier: MIT
// Pipelines ahead of time: what calls may give decides which passes there are, so each set of tensors is planned.
#include "check.h"
#include "error.h"
#include "norm.h"
#include <stdlib.h>

#define BIT(operand) (1u << (operand))

// Sets of tensors, by vkn_residual.
enum { SETS = 3 };
static const uint32_t forward_sets[] = {0, BIT(VKN_RESIDUAL), BIT(VKN_RESIDUAL) | BIT(VKN_H)};
static const uint32_t backward_sets[][SETS] = {
    {0, 0, 0},
    {BIT(VKN_RESIDUAL) | BIT(VKN_DRESIDUAL), BIT(VKN_RESIDUAL), BIT(VKN_DRESIDUAL)},
    {BIT(VKN_DH), 0, 0},
};

typedef struct preparation {
    vkn_context *context;
    const vkn_geometry *geometry;
    vkn_dtype weight;
    uint32_t texels; // VKN_LOADS_TEXELS, or 0
    vkn_limits limits;
    vkn_request request;
    vkn_plan plan;
    vkn_result result; // sticky
} preparation;

static void prepare_with(preparation *p, vkn_planner planner, uint32_t present, vkn_dtype parameter_dtype) {
    if (p->result != VKN_OK) return;
    p->request.present = present;
    p->request.parameter_dtype = parameter_dtype;
    p->result = planner(&p->plan, p->geometry, &p->limits, &p->request);
    for (uint32_t i = 0; i < p->plan.count && p->result == VKN_OK; ++i) {
        VkPipeline pipeline;
        const vkn_pass *pass = &p->plan.passes[i];
        p->result = vkn_pipeline_get(p->context, pass->shader, &pass->constants, &pipeline);
    }
}

// With parameters, and where that makes a difference without.
static void prepare(preparation *p, vkn_planner planner, uint32_t present) {
    prepare_with(p, planner, present | BIT(VKN_WEIGHT_OPERAND), p->weight);
    if (p->weight != VKN_F32) prepare_with(p, planner, present, VKN_F32);
}

static void prepare_forward(preparation *p, vkn_residual residual, uint32_t running) {
    uint32_t present = forward_sets[residual] | running | BIT(VKN_STATISTICS);
    p->request.training = running && !p->request.from_running;
    prepare(p, vkn_plan_forward, present | (running ? BIT(VKN_BATCHES) : 0u));
    if (!p->request.from_running && residual != VKN_RESIDUAL_BEFORE)
        prepare(p, vkn_plan_forward, present | BIT(VKN_MOMENTS));
    p->request.training = false;
}

static void prepare_backward(preparation *p, vkn_residual residual, uint32_t running) {
    static const uint32_t wants[] = {BIT(VKN_DX) | BIT(VKN_DWEIGHT) | BIT(VKN_DBIAS), BIT(VKN_DX),
                                     BIT(VKN_DWEIGHT) | BIT(VKN_DBIAS), 0};
    const uint32_t statistics[] = {BIT(VKN_STATISTICS), 0, BIT(VKN_STATISTICS) | BIT(VKN_SUMS)};
    uint32_t ways = p->request.from_running ? 1 : sizeof statistics / sizeof *statistics;
    for (uint32_t way = 0; way < ways; ++way) {
        for (uint32_t set = 0; set < SETS; ++set) {
            for (uint32_t want = 0; want < sizeof wants / sizeof *wants; ++want) {
                uint32_t with = statistics[way] | backward_sets[residual][set] | wants[want];
                if (p->request.from_running) with = (with & ~BIT(VKN_STATISTICS)) | running;
                prepare(p, vkn_plan_backward, with);
                if (statistics[way] & BIT(VKN_SUMS)) prepare(p, vkn_plan_sums, with & ~(BIT(VKN_DX) | BIT(VKN_DH)));
            }
        }
    }
}

static void prepare_all(preparation *p, vkn_residual residual) {
    vkn_kind kind = p->geometry->kind;
    bool tracks = kind == VKN_BATCH || kind == VKN_INSTANCE;
    uint32_t running = tracks ? BIT(VKN_RUNNING_MEAN_OPERAND) | BIT(VKN_RUNNING_VAR_OPERAND) : 0;
    uint32_t alignments = p->request.dtype == VKN_F32 ? 2 : 3;
    for (uint32_t choice = 0; choice < 4 * alignments; ++choice) {
        p->limits = vkn_norm_limits(p->context, choice / 4 | p->texels);
        p->request.from_running = choice & 1;
        p->request.per_sample = choice & 2;
        if (p->request.from_running && !tracks) continue;
        if (p->request.per_sample && (!p->geometry->has_batch || p->geometry->batch < 2)) continue;
        prepare_forward(p, residual, running);
        prepare_backward(p, residual, running);
    }
}

vkn_result vkn_norm_prepare(vkn_context *context, const vkn_norm *norm, const vkn_tensor *x, vkn_dtype weight,
                            vkn_residual residual) {
    if (!context) return vkn_fail(VKN_BAD_ARGUMENT, "context: NULL");
    if (!norm) return vkn_fail(VKN_BAD_ARGUMENT, "norm: NULL");
    if (!x) return vkn_fail(VKN_BAD_ARGUMENT, "x: NULL");
    if ((uint32_t)residual > VKN_RESIDUAL_BEFORE)
        return vkn_fail(VKN_BAD_ARGUMENT, "residual: %d is none of none, after, before", (int)residual);
    vkn_geometry geometry;
    vkn_result result = vkn_context_alive(context);
    if (result == VKN_OK) result = vkn_geometry_make(norm, x, false, &geometry);
    if (result == VKN_OK) result = vkn_check_dtypes(x, weight);
    if (result != VKN_OK) return result;
    preparation p = {
        .context = context,
        .geometry = &geometry,
        .weight = weight,
        .texels = x->texels ? VKN_LOADS_TEXELS : 0,
        .request = {
            .dtype = x->dtype, .activation = norm->activation, .eps = norm->eps, .weight_offset = norm->weight_offset}};
    if (geometry.elements) prepare_all(&p, residual);
    free(p.plan.passes);
    return p.result;
}
