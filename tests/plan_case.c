// SPDX-License-Identifier: MIT
#include "plan_case.h"

#include "tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const struct device devices[DEVICES] = {
    [DEVICE_GPU] = {"discrete GPU",
                    {.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                     .subgroup_size = 32,
                     .max_workgroup_invocations = 1024,
                     .max_workgroups = 65535,
                     .max_binding_bytes = UINT32_MAX,
                     .max_shared_bytes = 49152,
                     .offset_alignment = 16,
                     .used = 0x7f}},
    [DEVICE_PHONE] = {"phone",
                      {.type = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
                       .subgroup_size = 1,
                       .max_workgroup_invocations = 128,
                       .max_workgroups = 65535,
                       .max_binding_bytes = 1u << 27,
                       .max_shared_bytes = 16384,
                       .offset_alignment = 256,
                       .used = 0x7f & ~(uint32_t)VKN_FEATURE_SUBGROUP}},
    [DEVICE_CPU] = {"CPU",
                    {.type = VK_PHYSICAL_DEVICE_TYPE_CPU,
                     .subgroup_size = 8,
                     .max_workgroup_invocations = 1024,
                     .max_workgroups = 65535,
                     .max_binding_bytes = 1u << 27,
                     .max_shared_bytes = 32768,
                     .offset_alignment = 16,
                     .used = 0x7f}},
    [DEVICE_LEAST] = {"the least there may be, no fast path",
                      {.type = VK_PHYSICAL_DEVICE_TYPE_OTHER,
                       .subgroup_size = 1,
                       .max_workgroup_invocations = 128,
                       .max_workgroups = 64,
                       .max_binding_bytes = 65536,
                       .max_shared_bytes = 16384,
                       .offset_alignment = 256}},
};

vkn_geometry geometry_of(const struct norm_case *c) {
    vkn_geometry g;
    vkn_tensor x = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, c->layout, c->rank, c->shape);
    MUST(vkn_geometry_make(&c->norm, &x, false, &g));
    return g;
}

const vkn_pass *pass_of(vkn_plan *plan, const struct norm_case *c, planner *make, const vkn_request *request,
                        int device, vkn_shader shader) {
    static vkn_geometry g;
    static vkn_limits limits;
    g = geometry_of(c);
    limits = vkn_limits_make(&devices[device].info);
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
