// SPDX-License-Identifier: MIT
// What plans are tried on with no GPU: made-up devices, geometries, and sets of operands.
#ifndef TESTS_PLAN_CASE_H
#define TESTS_PLAN_CASE_H
#include "plan.h" // first: it brings volk

#include "norm_case.h"

struct device {
    const char *name;
    vkn_device_info info;
};
enum { DEVICE_GPU, DEVICE_PHONE, DEVICE_CPU, DEVICE_LEAST, DEVICES };
extern const struct device devices[DEVICES];

#define CASE(kind, layout, ...)                                                                                        \
    { NORM(kind, 1), layout, sizeof((uint32_t[])__VA_ARGS__) / 4, __VA_ARGS__, DATA_NORMAL, SIZE_SMALL }
#define NORM(k, g)                                                                                                     \
    { .kind = (k), .groups = (g), .normalized_rank = 1, .eps = 1e-5f }

#define BIT(operand) (1u << (operand))
#define AFFINE (BIT(VKN_WEIGHT_OPERAND) | BIT(VKN_BIAS_OPERAND))
#define FORWARD (BIT(VKN_X) | BIT(VKN_Y) | AFFINE)
#define GRADIENTS (BIT(VKN_DX) | BIT(VKN_DWEIGHT) | BIT(VKN_DBIAS))
#define BACKWARD (BIT(VKN_X) | BIT(VKN_DY) | BIT(VKN_WEIGHT_OPERAND) | GRADIENTS)
#define RUNNING (BIT(VKN_RUNNING_MEAN_OPERAND) | BIT(VKN_RUNNING_VAR_OPERAND))
#define AFTER (BIT(VKN_BIAS_OPERAND) | BIT(VKN_RESIDUAL) | BIT(VKN_DRESIDUAL))

#define TRAINED (BACKWARD | BIT(VKN_STATISTICS))
#define FROZEN(bits)                                                                                                   \
    { .present = (bits) | RUNNING, .from_running = true }

typedef vkn_result planner(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);

vkn_geometry geometry_of(const struct norm_case *);
// Plans the case and gives its only pass with the shader, as long as neither another is planned nor the plan is freed.
const vkn_pass *pass_of(vkn_plan *, const struct norm_case *, planner *, const vkn_request *, int device, vkn_shader);

#endif
