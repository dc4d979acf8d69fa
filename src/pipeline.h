// SPDX-License-Identifier: MIT
// Shaders and the pipelines made of them: one per shader and set of specialization constants, built once.
#ifndef VKN_PIPELINE_H
#define VKN_PIPELINE_H
#include "vulkan.h"
#include <structs.h>

enum { VKN_MAX_BINDINGS = 8, VKN_MAX_TEXELS = 2, VKN_PIPELINE_BUCKETS = 256 };

// Layouts by number of bindings, and how many of them, the first, are texel buffers.
enum { VKN_LAYOUTS = (VKN_MAX_BINDINGS + 1) * (VKN_MAX_TEXELS + 1) };
static inline uint32_t vkn_layout_of(uint32_t bindings, uint32_t texels) {
    return bindings * (VKN_MAX_TEXELS + 1) + texels;
}

// Which specialization constants a shader reads, beside the workgroup: the others do not make another pipeline of it.
#define VKN_USES(constant) (1u << VKN_CONSTANT_##constant)
enum {
    VKN_USES_NOTHING = 0,
    VKN_USES_REDUCE = VKN_USES(LANES) | VKN_USES(CLUSTER),
    VKN_USES_LANES = VKN_USES(LANES),
    VKN_USES_BLOCK = VKN_USES(BLOCK),
    VKN_USES_WORDS = VKN_USES(WORDS),
    VKN_USES_CENTERED = VKN_USES(CENTERED),
    VKN_USES_X = VKN_USES(VECTOR) | VKN_USES(WHOLE) | VKN_USES(CENTERED) | VKN_USES(DTYPE) | VKN_USES(RESIDUAL) |
                 VKN_USES(TEXELS),
    VKN_USES_AFFINE = VKN_USES(PARAMETER) | VKN_USES(ACTIVATION),
    VKN_USES_PLACE = VKN_USES_BLOCK | VKN_USES_WORDS | VKN_USES(ONE_OUTER),
    VKN_USES_ROW = VKN_USES_PLACE | VKN_USES(AFFINE),
    VKN_USES_ON_CHIP = VKN_USES(ON_CHIP),
    VKN_USES_GRADIENT = VKN_USES_X | VKN_USES_AFFINE | VKN_USES(DRESIDUAL),
    VKN_USES_RECORDS = VKN_USES(VECTOR) | VKN_USES(WORDS),
};

// name, storage buffers, which of them it writes (bits), push constants, variants, constants used. Variants: SUBGROUP
// reduces through subgroup shuffles, NARROW takes f16 and bf16, HALVES is NARROW and has 16-bit stores, and another
// that reads x and dy as texels.
#define VKN_SHADERS(X)                                                                                                 \
    X(NORM_ROW, norm_row, 8, 0x72, rows, SUBGROUP_HALVES,                                                              \
      VKN_USES_REDUCE | VKN_USES_X | VKN_USES_AFFINE | VKN_USES_ROW | VKN_USES_ON_CHIP | VKN_USES(ROWS))               \
    X(NORM_ROW_GRAD, norm_row_grad, 8, 0xc0, rows, SUBGROUP_HALVES,                                                    \
      VKN_USES_REDUCE | VKN_USES_GRADIENT | VKN_USES_ROW | VKN_USES_ON_CHIP | VKN_USES(SUMS) | VKN_USES(ROWS))         \
    X(STATS_ROWS, stats_rows, 4, 0x0a, rows, SUBGROUP_HALVES, VKN_USES_REDUCE | VKN_USES_X | VKN_USES_PLACE)           \
    X(NORM_COLUMNS, norm_columns, 8, 0x72, columns, SUBGROUP_HALVES,                                                   \
      VKN_USES_REDUCE | VKN_USES_BLOCK | VKN_USES_WORDS | VKN_USES_X | VKN_USES_AFFINE)                                \
    X(STATS_COLUMNS, stats_columns, 4, 0x0a, columns, SUBGROUP_HALVES,                                                 \
      VKN_USES_REDUCE | VKN_USES_BLOCK | VKN_USES_WORDS | VKN_USES_X)                                                  \
    X(MERGE_STATS, merge_stats, 3, 0x06, merge, SUBGROUP, VKN_USES_REDUCE | VKN_USES_CENTERED | VKN_USES_RECORDS)      \
    X(APPLY_ROWS, apply_rows, 8, 0x42, rows, HALVES, VKN_USES_LANES | VKN_USES_X | VKN_USES_AFFINE | VKN_USES_ROW)     \
    X(APPLY_COLUMNS, apply_columns, 8, 0x42, columns, HALVES,                                                          \
      VKN_USES_LANES | VKN_USES_BLOCK | VKN_USES_WORDS | VKN_USES_X | VKN_USES_AFFINE)                                 \
    X(GRAD_STATS_ROWS, grad_stats_rows, 8, 0xc0, rows, SUBGROUP_HALVES,                                                \
      VKN_USES_REDUCE | VKN_USES_GRADIENT | VKN_USES_ROW | VKN_USES(DX))                                               \
    X(GRAD_STATS_COLUMNS, grad_stats_columns, 8, 0xc0, columns, SUBGROUP_HALVES,                                       \
      VKN_USES_REDUCE | VKN_USES_BLOCK | VKN_USES_WORDS | VKN_USES_GRADIENT | VKN_USES(AFFINE) | VKN_USES(DX))         \
    X(MERGE_SUMS, merge_sums, 5, 0x1c, merge, SUBGROUP_NARROW,                                                         \
      VKN_USES_REDUCE | VKN_USES_RECORDS | VKN_USES(PARAMETER))                                                        \
    X(GRAD_APPLY_ROWS, grad_apply_rows, 8, 0xc0, rows, HALVES,                                                         \
      VKN_USES_LANES | VKN_USES_GRADIENT | VKN_USES_ROW | VKN_USES(DX))                                                \
    X(GRAD_APPLY_COLUMNS, grad_apply_columns, 8, 0xc0, columns, HALVES,                                                \
      VKN_USES_LANES | VKN_USES_BLOCK | VKN_USES_WORDS | VKN_USES_GRADIENT | VKN_USES(DX))                             \
    X(RUNNING, running, 5, 0x06, running, PLAIN, VKN_USES_NOTHING)                                                     \
    X(RUNNING_STATISTICS, running_statistics, 3, 0x04, running, PLAIN, VKN_USES_NOTHING)                               \
    X(COUNT_BATCHES, count_batches, 1, 0x01, running, PLAIN, VKN_USES_NOTHING)

typedef enum vkn_shader {
#define X(id, name, bindings, writes, push, variants, uses) VKN_SHADER_##id,
    VKN_SHADERS(X)
#undef X
        VKN_SHADER_COUNT
} vkn_shader;

uint32_t vkn_shader_bindings(vkn_shader);
uint32_t vkn_shader_writes(vkn_shader); // a bit for each binding that the shader may write
uint32_t vkn_shader_push_bytes(vkn_shader);
uint32_t vkn_shader_texels(vkn_shader); // how many of its first bindings can be texel buffers
uint64_t vkn_shaders_hash(void);        // of the code of all of them

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
    VkDescriptorSetLayout set_layouts[VKN_LAYOUTS]; // by vkn_layout_of
    VkPipelineLayout layouts[VKN_LAYOUTS];
    vkn_pipeline *buckets[VKN_PIPELINE_BUCKETS], *first, *last;
} vkn_pipelines;

// The context's layouts and (empty) pipelines. Destroying tolerates a half-made state.
vkn_result vkn_pipelines_init(vkn_context *);
void vkn_pipelines_destroy(vkn_context *);
// The pipeline for a shader with these constants, built where it is not there yet. Thread-safe.
vkn_result vkn_pipeline_get(vkn_context *, vkn_shader, const vkn_constants *, VkPipeline *out);

#endif
