// SPDX-License-Identifier: MIT
// What C and GLSL share: sizes of workgroups, and each kernel's own push constants. In the shader's push-constant block
// they stand behind `uint offset[bindings]`, the first element of each tensor inside its binding (see nn_dispatch).
#ifndef NN_PUSH_H
#define NN_PUSH_H

#ifdef VULKAN
#define uint32_t uint
#define NN_STRUCT(name) struct name
#else
#include <stdint.h>
#define NN_STRUCT(name)                                                                                                \
    typedef struct name name;                                                                                          \
    struct name
#endif

#define NN_LANES 128    // invocations of a workgroup, in all kernels but those of tile.glsl
#define NN_TILE_ROWS 32 // those compute NN_TILE_ROWS x NN_TILE_COLUMNS outputs a workgroup
#define NN_TILE_COLUMNS 64
#define NN_SUM_COLUMNS 32   // columns that a column_sum workgroup adds up
#define NN_AVERAGE_LANES 8  // invocations of an average_pool that share a plane
#define NN_ATTENTION_ROWS 8 // rows of an attention matrix that share a workgroup

// lavapipe ends a shader's loops, without a word, after 65535 iterations in all. So there is a limit to what one
// dispatch sums up: the rest goes to the next one, or is refused.
#define NN_MATMUL_DEPTH (1 << 15)
#define NN_CONV_DEPTH (1 << 15)
#define NN_SUM_ROWS (1 << 17)
#define NN_AVERAGE_AREA (1 << 18)
#define NN_MAX_POOL_AREA (1 << 14)
#define NN_BCE_COUNT (1 << 22)
#define NN_CLASS_LANES 16    // of cross_entropy share a row
#define NN_CLASSES (1 << 14) // of a row: a lane adds up a sixteenth

NN_STRUCT(nn_matmul_layout) {
    uint32_t pitch, outer, inner; // elements from a row to the next, and from a matrix to the next either way
};
NN_STRUCT(nn_matmul_push) {
    uint32_t rows, columns; // of c
    uint32_t first, last;   // products that this dispatch adds up; where first is not zero they are added to c
    uint32_t transpose_a, transpose_b, has_bias;
    uint32_t outer, inner; // outer * inner products side by side
    nn_matmul_layout a, b, c;
};
NN_STRUCT(nn_conv_push) {
    uint32_t images, in_channels, out_channels;
    uint32_t size[2], out_size[2], kernel[2], stride[2], padding[2]; // down and across
    uint32_t has_bias, part; // part: of conv_dweight, the positions that a workgroup adds up
};
NN_STRUCT(nn_max_pool_push) {
    uint32_t planes, size[2], out_size[2], kernel[2], stride[2], padding[2];
};
NN_STRUCT(nn_average_pool_push) {
    uint32_t planes, area;
};
NN_STRUCT(nn_column_sum_push) {
    uint32_t first, last, columns; // rows from first to last - 1; where first is not zero they are added to the sums
};
NN_STRUCT(nn_map_push) {
    uint32_t count;
};
NN_STRUCT(nn_add_push) {
    uint32_t count, period;
};
NN_STRUCT(nn_dropout_push) {
    uint32_t count, threshold; // what random words are below where an element is dropped
    float scale;               // of the others
    uint32_t seed_low, seed_high, rank;
};
NN_STRUCT(nn_attention_push) {
    uint32_t positions;
    float scale;
};
NN_STRUCT(nn_bce_push) {
    uint32_t count, total, has_grad, has_right;
};
NN_STRUCT(nn_cross_entropy_push) {
    uint32_t rows, classes, total, has_grad, has_right;
};
NN_STRUCT(nn_gather_push) {
    uint32_t rows, columns, table_rows, stride; // columns and stride in words
};
NN_STRUCT(nn_adam_push) {
    uint32_t count;
    float lr, eps, beta1, beta2, one_minus_beta1, one_minus_beta2, decay;
};
NN_STRUCT(nn_sgd_push) {
    uint32_t count;
    float lr, momentum, weight_decay;
};
NN_STRUCT(nn_lstm_push) {
    uint32_t batch, steps, hidden, step;
};
NN_STRUCT(nn_last_step_push) {
    uint32_t count, steps, width; // count: elements that the dispatch writes
};

#endif
