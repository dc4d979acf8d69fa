// SPDX-License-Identifier: MIT
// Geometry and device limits become an ordered list of passes: dispatches with their constants, push constants and
// bindings. No Vulkan handle is looked at, so plans can be tested with no GPU.
//
// A plan goes over the units in slices (what scratch memory is for), and over each slice of the tensor in boxes (what
// one descriptor can see). Usually there is one slice and one box.
#ifndef VKN_PLAN_H
#define VKN_PLAN_H
#include "geometry.h"
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
        uint32_t origins[2]; // the first members of each: filled in when buffers are known
        struct vkn_rows_push rows;
        struct vkn_columns_push columns;
        struct vkn_merge_push merge;
        struct vkn_running_push running;
    } push;
} vkn_pass;

typedef struct vkn_limits {
    uint32_t subgroup;             // lanes that reduce by shuffles; 1: none
    uint32_t lanes;                // most lanes that share a row
    uint32_t widest;               // invocations of the widest workgroup
    uint32_t sums_widest;          // the same where sums of each element are kept, and no activation needs registers
    bool lanes_forced;             // each row has just that many
    uint32_t workgroup;            // invocations of a workgroup with narrower teams
    uint32_t block;                // most words that a lane holds
    uint32_t grad_block;           // the same where dx is computed
    uint32_t element_blocks;       // and where each element has its own weight, a block is so many of these
    uint32_t stream_block;         // the same of a row that is read again
    uint32_t stream_lanes;         // lanes of a team whose row is one run that is read again, where these are enough
    uint32_t stream_invocations;   // and invocations that fill the device with such teams
    uint32_t rows;                 // rows too wide for registers that share each load of a weight
    uint32_t grad_rows;            // the same in backward; 0: none, x and dy of so many are too much for a GPU's cache
    uint32_t neighbours;           // most words of a lane that lie side by side (rows)
    uint32_t apply;                // words that a lane takes where statistics are known
    uint32_t apply_block;          // and of these at once
    uint64_t slab;                 // most elements that a team may read again from a cache
    uint32_t slab_teams;           // and so many teams at least
    bool across;                   // and whether its blocks may go from one run into the next
    uint64_t row_invocations;      // invocations that fill the device with teams of several rows
    uint64_t grad_row_invocations; // the same where each workgroup writes sums of each element
    uint32_t teams;                // teams that fill the device
    uint32_t invocations;          // single invocations that fill the device (columns)
    uint32_t column_words;         // most words of a position that an invocation takes
    uint32_t column_block;         // words that it sums together
    uint32_t least_positions;      // fewest positions of a lane that sums them
    uint32_t reduce_positions;     // and most
    uint32_t apply_positions;      // the same where statistics are applied
    uint64_t max_workgroups;       // of one dispatch, all axes together
    uint64_t binding_elements;     // elements that one binding can see, whatever its alignment
    bool cpu;
    // What pays on a GPU: a second pass from the end of memory, which the first has left in a cache; teams with more
    // lanes than a stretch of memory has words; barriers. Of a CPU only where lanes are forced, so that it can be
    // tested.
    bool gpu;
    uint32_t vector; // most words of one load: 2 where they are of 16 bits; 0: they are loaded by element
    bool on_chip;    // whether that path may be taken
} vkn_limits;

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

vkn_limits vkn_limits_make(const vkn_device_info *, uint32_t forced_lanes);
// Fills plan->passes (growing it with realloc; the caller frees it) and plan->scratch. Fails with a message.
vkn_result vkn_plan_forward(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
vkn_result vkn_plan_backward(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
// Statistics across devices: the moments of x; the first half of backward, up to the sums; and the merge of the moments
// (or sums) of `groups` statistic groups and `ranks` ranks, from VKN_RANKS to VKN_MOMENTS (or VKN_SUMS).
vkn_result vkn_plan_moments(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
vkn_result vkn_plan_sums(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);
vkn_result vkn_plan_merge(vkn_plan *, bool moments, uint64_t groups, uint32_t ranks, const vkn_limits *);

#endif
