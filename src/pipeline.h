// SPDX-License-Identifier: MIT
// Shaders and the pipelines made of them: one per shader and set of specialization constants, built once.
#ifndef VKN_PIPELINE_H
#define VKN_PIPELINE_H
#include "vulkan.h"
#include <structs.h>

enum { VKN_MAX_BINDINGS = 8, VKN_PIPELINE_BUCKETS = 256 };

// Which specialization constants a shader reads, beside the workgroup: the others do not make another pipeline of it.
#define VKN_USES(constant) (1u << VKN_CONSTANT_##constant)
enum {
    VKN_USES_NOTHING = 0,
    VKN_USES_LANES = VKN_USES(LANES),
    VKN_USES_REDUCE = VKN_USES(LANES) | VKN_USES(CLUSTER),
    VKN_USES_BLOCK = VKN_USES(BLOCK),
    VKN_USES_CENTERED = VKN_USES(CENTERED),
    VKN_USES_AFFINE = VKN_USES(AFFINE),
    VKN_USES_X = VKN_USES(VECTOR) | VKN_USES(CENTERED),
    VKN_USES_ROW = VKN_USES(VECTOR) | VKN_USES(CENTERED) | VKN_USES(ON_CHIP) | VKN_USES(AFFINE),
};

// name, storage buffers, which of them it writes (bits), push constants, the variant for subgroups (the same where
// nothing is reduced), constants used
#define VKN_SHADERS(X)                                                                                                 \
    X(NORM_ROW, norm_row, 7, 0x72, rows, norm_row_subgroup, VKN_USES_REDUCE | VKN_USES_BLOCK | VKN_USES_ROW)           \
    X(NORM_ROW_GRAD, norm_row_grad, 8, 0x84, rows, norm_row_grad_subgroup,                                             \
      VKN_USES_REDUCE | VKN_USES_BLOCK | VKN_USES_ROW)                                                                 \
    X(STATS_ROWS, stats_rows, 2, 0x02, rows, stats_rows_subgroup, VKN_USES_REDUCE | VKN_USES_BLOCK | VKN_USES_X)       \
    X(STATS_COLUMNS, stats_columns, 2, 0x02, columns, stats_columns, VKN_USES_BLOCK | VKN_USES_X)                      \
    X(MERGE_STATS, merge_stats, 5, 0x1e, merge, merge_stats_subgroup, VKN_USES_REDUCE | VKN_USES_CENTERED)             \
    X(APPLY_ROWS, apply_rows, 7, 0x02, rows, apply_rows, VKN_USES_LANES | VKN_USES_X | VKN_USES_AFFINE)                \
    X(APPLY_COLUMNS, apply_columns, 7, 0x02, columns, apply_columns, VKN_USES_X)                                       \
    X(GRAD_STATS_ROWS, grad_stats_rows, 7, 0x40, rows, grad_stats_rows_subgroup,                                       \
      VKN_USES_REDUCE | VKN_USES_BLOCK | VKN_USES_X | VKN_USES_AFFINE)                                                 \
    X(GRAD_STATS_COLUMNS, grad_stats_columns, 6, 0x20, columns, grad_stats_columns, VKN_USES_BLOCK | VKN_USES_X)       \
    X(MERGE_SUMS, merge_sums, 5, 0x1c, merge, merge_sums_subgroup, VKN_USES_REDUCE)                                    \
    X(GRAD_APPLY_ROWS, grad_apply_rows, 8, 0x04, rows, grad_apply_rows, VKN_USES_LANES | VKN_USES_X | VKN_USES_AFFINE) \
    X(GRAD_APPLY_COLUMNS, grad_apply_columns, 8, 0x04, columns, grad_apply_columns, VKN_USES_X)                        \
    X(RUNNING, running, 5, 0x0c, running, running, VKN_USES_NOTHING)                                                   \
    X(COUNT_BATCHES, count_batches, 1, 0x01, running, count_batches, VKN_USES_NOTHING)

typedef enum vkn_shader {
#define X(id, name, bindings, writes, push, subgroup, uses) VKN_SHADER_##id,
    VKN_SHADERS(X)
#undef X
        VKN_SHADER_COUNT
} vkn_shader;

uint32_t vkn_shader_bindings(vkn_shader);
uint32_t vkn_shader_writes(vkn_shader); // a bit for each binding that the shader may write
uint32_t vkn_shader_push_bytes(vkn_shader);

// Specialization constants by constant_id (structs.h).
typedef struct vkn_constants {
    uint32_t value[VKN_CONSTANT_COUNT];
} vkn_constants;

typedef struct vkn_pipeline {
    vkn_shader shader;
    vkn_constants constants;
    VkPipeline handle;
    struct vkn_pipeline *next_in_bucket, *next; // `next`: in the order in which they were built
} vkn_pipeline;

typedef struct vkn_pipelines {
    VkDescriptorSetLayout set_layouts[VKN_MAX_BINDINGS + 1]; // by number of storage buffers
    VkPipelineLayout layouts[VKN_MAX_BINDINGS + 1];
    VkPipelineCache cache;
    vkn_pipeline *buckets[VKN_PIPELINE_BUCKETS], *first, *last;
} vkn_pipelines;

// The context's layouts and (empty) pipelines. Destroying tolerates a half-made state.
vkn_result vkn_pipelines_init(vkn_context *);
void vkn_pipelines_destroy(vkn_context *);
// The pipeline for a shader with these constants, built where it is not there yet. Thread-safe.
vkn_result vkn_pipeline_get(vkn_context *, vkn_shader, const vkn_constants *, VkPipeline *out);

#endif
