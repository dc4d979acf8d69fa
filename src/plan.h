// SPDX-License-Identifier: MIT
// Geometry and device limits become an ordered list of passes: dispatches with their constants, push constants and
// bindings. No Vulkan handle is looked at, so plans can be tested with no GPU.
//
// A plan goes over the units in slices (what scratch memory is for), and over each slice of the tensor in boxes (what
// one descriptor can see). Usually there is one slice and one box.
#ifndef VKN_PLAN_H
#define VKN_PLAN_H
#include "geometry.h"
#include "limits.h"
#include "pipeline.h"

// What a binding is bound to. Those from VKN_RECORDS on are scratch memory of the call.
typedef enum vkn_operand {
    VKN_ABSENT, // a few zero bytes, for a binding that is not read
    VKN_X,
    VKN_Y,
    VKN_DY,
    VKN_DX,
    VKN_RESIDUAL,
    VKN_H,
    VKN_DRESIDUAL,
    VKN_DH,
    VKN_WEIGHT_OPERAND,
    VKN_BIAS_OPERAND,
    VKN_STATISTICS,
    VKN_MOMENTS,
    VKN_SUMS,
    VKN_RANKS,
    VKN_RUNNING_MEAN_OPERAND,
    VKN_RUNNING_VAR_OPERAND,
    VKN_BATCHES,
    VKN_DWEIGHT,
    VKN_DBIAS,
    VKN_RECORDS,
    VKN_SCRATCH_STATISTICS,
    VKN_SCRATCH_SUMS,
    VKN_OPERAND_COUNT
} vkn_operand;

typedef struct vkn_binding {
    vkn_operand operand;
    uint64_t first, bytes; // from the operand's beginning
    uint32_t element_bytes;
} vkn_binding;

typedef struct vkn_pass {
    vkn_shader shader;
    vkn_constants constants;
    bool barrier; // before the dispatch
    uint32_t workgroups;
    vkn_binding bindings[VKN_MAX_BINDINGS];
    union {
        uint32_t places[4]; // origins and texels, the first members: filled in when buffers are known
        struct vkn_rows_push rows;
        struct vkn_columns_push columns;
        struct vkn_merge_push merge;
        struct vkn_running_push running;
    } push;
} vkn_pass;

typedef struct vkn_request {
    uint32_t present;  // bit (1 << vkn_operand) for each tensor that is given
    bool training;     // update running statistics where they are present
    bool from_running; // normalize with the running statistics
    bool accumulate, biased_running_var;
    bool per_sample;           // weight, bias and their gradients have N in front
    vkn_dtype dtype;           // of x and what is as x
    vkn_dtype parameter_dtype; // of weight and bias
    vkn_activation activation;
    float eps, momentum, weight_offset;
} vkn_request;

typedef struct vkn_plan {
    const vkn_geometry *geometry;
    const vkn_limits *limits;
    vkn_request request;
    vkn_pass *passes;
    uint32_t count, capacity;
    uint64_t scratch[VKN_OPERAND_COUNT]; // bytes of each scratch operand
    uint32_t element_bytes;              // of x and what is as x
    vkn_operand input;                   // what is normalized: x, or h once a pass has written it
    vkn_operand gradient;                // dy, or dresidual once a pass has written it: then it is dz
    bool barrier;                        // the next pass needs one
    vkn_result result;                   // sticky
} vkn_plan;

// Fills plan->passes (growing it with realloc; the caller frees it) and plan->scratch. Fails with a message.
vkn_result vkn_plan_forward(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
vkn_result vkn_plan_backward(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
// Statistics across devices: the moments of x; the first half of backward, up to the sums; and the merge of the moments
// (or sums) of `groups` statistic groups and `ranks` ranks, from VKN_RANKS to VKN_MOMENTS (or VKN_SUMS).
vkn_result vkn_plan_moments(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
vkn_result vkn_plan_sums(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
vkn_result vkn_plan_merge(vkn_plan *, bool moments, uint64_t groups, uint32_t ranks, const vkn_limits *);

#endif
