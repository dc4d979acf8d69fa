// SPDX-License-Identifier: MIT
// What the host and the shaders agree on: specialization constants, flags and push constants. Read by C and by GLSL.
#ifndef VKN_STRUCTS_H
#define VKN_STRUCTS_H

#ifdef GL_core_profile
#define VKN_UINT uint
#define VKN_FLOAT float
#else
#include <stdint.h>
#define VKN_UINT uint32_t
#define VKN_FLOAT float
#endif

// Specialization constants, by constant_id.
#define VKN_CONSTANT_WORKGROUP 0   // invocations in a workgroup
#define VKN_CONSTANT_LANES 1       // invocations that share one row: a team. A power of two that divides the workgroup
#define VKN_CONSTANT_CLUSTER 2     // lanes that reduce through subgroup shuffles; the rest is shared memory. 1: none
#define VKN_CONSTANT_BLOCK 3       // words of four elements that a lane holds at once
#define VKN_CONSTANT_VECTOR 4      // words of one load, 16 bytes of f32 or up to two words of 16 bits; 0: by element
#define VKN_CONSTANT_ON_CHIP 5     // the row fits in the team's registers and is read once
#define VKN_CONSTANT_CENTERED 6    // statistics have a mean; 0: rms
#define VKN_CONSTANT_AFFINE 7      // VKN_AFFINE_*
#define VKN_CONSTANT_DTYPE 8       // VKN_STORAGE_*: of x and what is as x
#define VKN_CONSTANT_PARAMETER 9   // VKN_STORAGE_*: of weight and bias
#define VKN_CONSTANT_ACTIVATION 10 // VKN_ACT_*
#define VKN_CONSTANT_RESIDUAL 11   // VKN_ADD_*
#define VKN_CONSTANT_DRESIDUAL 12  // backward: dz is written out
#define VKN_CONSTANT_WHOLE 13      // each lane has whole blocks of whole words
#define VKN_CONSTANT_SUMS 14       // norm_row_grad: VKN_SUMS_*
#define VKN_CONSTANT_DX 15         // grad_stats, grad_apply: VKN_DX_*
#define VKN_CONSTANT_ROWS 16       // rows too wide for registers that share each load of a weight
#define VKN_CONSTANT_WORDS 17 // columns: an invocation's words; rows: a lane's neighbours; merges: teams taking turns
#define VKN_CONSTANT_ONE_OUTER 18 // rows: each block of a team has words of one outer
#define VKN_CONSTANT_TEXELS 19    // the first so many bindings, x and dy, are texel buffers: another module
#define VKN_CONSTANT_COUNT 20

#define VKN_AFFINE_UNIT 0    // one weight for the whole row
#define VKN_AFFINE_ELEMENT 1 // one weight for each element of the row
#define VKN_AFFINE_SPAN 2    // one weight for each `affine_span` elements of the row
#define VKN_AFFINE_OUTER 3   // one weight for each row of the unit
#define VKN_AFFINE_BLOCK 4   // SPAN, and a block of a team's words lies in one span
#define VKN_AFFINE_OWN 5     // ELEMENT, of a team that has no other row

// Records of the sums of dz and dz * xhat for each element of the row.
#define VKN_SUMS_NONE 0
#define VKN_SUMS_TEAM 1      // of a team's rows
#define VKN_SUMS_WORKGROUP 2 // of the rows of all teams of a workgroup

// dx that is written beside sums.
#define VKN_DX_NONE 0
#define VKN_DX_BESIDE 1 // frozen statistics: it needs no sums
#define VKN_DX_AFTER 2  // from the sums, where a team has all of its columns
#define VKN_DX_FROZEN 3 // grad_apply: frozen statistics, without sums: dx = rstd * g

#define VKN_STORAGE_F32 0
#define VKN_STORAGE_F16 1
#define VKN_STORAGE_BF16 2

#define VKN_ACT_NONE 0
#define VKN_ACT_RELU 1
#define VKN_ACT_SILU 2

#define VKN_ADD_NOTHING 0
#define VKN_ADD_AFTER 1  // a residual, to the affine map
#define VKN_ADD_BEFORE 2 // forward: a residual, to x, giving h. backward: dh, to dx

// Flags in a push constant: what is there, and where statistics come from.
#define VKN_HAS_WEIGHT 1u
#define VKN_HAS_BIAS 2u
#define VKN_STAT_RUNNING 4u   // statistics are the running mean and variance
#define VKN_UPDATE_RUNNING 8u // norm_row, norm_columns: the running statistics of batch norm
#define VKN_STAT_CHANNEL 16u  // statistics belong to the channel, not to the unit
#define VKN_WRITE_STATISTICS 32u
#define VKN_WRITE_MOMENTS 64u
#define VKN_WRITE_DBIAS 128u
#define VKN_WRITE_DWEIGHT 256u
#define VKN_WRITE_SUMS 512u // the sums of a statistic group; norm_row_grad: the records of a row
#define VKN_ACCUMULATE 1024u
#define VKN_CUMULATIVE 2048u  // momentum is 1 / num_batches_tracked
#define VKN_BIASED 4096u      // running_var takes the biased variance
#define VKN_HAS_MOMENTS 8192u // their count is what unbiases the variance
#define VKN_BACKWARDS 16384u  // from the end of memory, which the pass before has left in the cache

// Element offset of binding b inside what is bound: byte b of (origins_low, origins_high).

// A tensor seen as [outer][unit][run]: a row is the contiguous run of one unit at one outer index. Statistics and sums
// are per unit. A team takes one part of a unit: `outer_step` outers, `run_step` elements of each; or
// several whole units, one after another.
struct vkn_rows_push {
    VKN_UINT origins_low, origins_high;
    VKN_UINT texels_x, texels_dy; // VKN_CONSTANT_TEXELS: the texel at which what is bound would begin
    VKN_UINT flags;
    VKN_UINT teams;        // parts * units / unit_step, rounded up
    VKN_UINT units;        // of this dispatch
    VKN_UINT unit_first;   // first of them, in the slice that statistics, records and weight are bound for
    VKN_UINT unit_stride;  // elements
    VKN_UINT unit_step;    // units that a team takes one after another
    VKN_UINT outer_stride; // elements
    VKN_UINT outers, outer_step;
    VKN_UINT run, run_step, run_parts;
    VKN_UINT next_outer, next_word;      // from a lane's neighbouring words to its next ones, where it goes over outers
    VKN_UINT record_first, record_units; // record of (part, unit): record_first + part * record_units + unit
    VKN_UINT fan;                        // units in a statistic group
    VKN_UINT period;                     // VKN_STAT_CHANNEL: channel of a unit: unit mod period
    // weight of element i of (outer, unit): row * affine_stride + (element: i; span: i / affine_span), with
    // row = (unit / affine_share - affine_first) mod affine_period + outer * affine_outer
    VKN_UINT affine_share, affine_first, affine_period, affine_outer, affine_stride, affine_span;
    VKN_FLOAT eps;
    VKN_FLOAT weight_offset;    // 0 without VKN_HAS_WEIGHT
    VKN_FLOAT momentum, unbias; // VKN_UPDATE_RUNNING
};

// A tensor seen as [plane][position][column]. A unit is one column of one plane; a team takes VKN_CONSTANT_WORDS words
// of four columns, in pieces of up to four neighbours that are `neighbours` pieces apart, at `positions_each`
// positions.
struct vkn_columns_push {
    VKN_UINT origins_low, origins_high;
    VKN_UINT texels_x, texels_dy;
    VKN_UINT flags;
    VKN_UINT teams; // planes * parts * stretches
    VKN_UINT columns;
    VKN_UINT stretches;                  // teams that share a position
    VKN_UINT neighbours;                 // of them, those whose pieces are neighbours; divides stretches
    VKN_UINT plane_stride;               // elements
    VKN_UINT positions, position_stride; // elements
    VKN_UINT parts;
    VKN_UINT positions_each;         // positions of a part, at most
    VKN_UINT unit_first, unit_pitch; // unit of (plane, column): unit_first + plane * unit_pitch + column
    VKN_UINT record_first, record_units;
    VKN_UINT fan;
    VKN_UINT affine_plane; // weight of (plane, column): plane * affine_plane + column
    // VKN_AFFINE_ELEMENT: statistics of (plane, position): plane * stat_plane + position * stat_position
    VKN_UINT stat_plane, stat_position;
    VKN_FLOAT eps;
    VKN_FLOAT weight_offset;    // 0 without VKN_HAS_WEIGHT
    VKN_FLOAT momentum, unbias; // VKN_UPDATE_RUNNING
};

// Records [part][unit], of moments (four floats) or of sums (two), merged to one value per output.
struct vkn_merge_push {
    VKN_UINT origins_low, origins_high;
    VKN_UINT flags;
    VKN_UINT teams;              // outputs
    VKN_UINT parts, part_stride; // in records
    VKN_UINT fan, fan_stride;    // records of one part that belong to one output
    // output j is (j / width, j mod width), and from its first record to the next output's, and between the values that
    // are written:
    VKN_UINT width;
    VKN_UINT row_stride, output_stride;         // in records
    VKN_UINT row_pitch;                         // in values; 1 within a row
    VKN_UINT period, weight_stride, weight_fan; // weight of record f: (j mod period) * weight_stride + f * weight_fan
    VKN_FLOAT eps;
    VKN_FLOAT weight_offset;
    VKN_FLOAT count; // elements of a statistic group, as far as records do not tell
};

// running = keep * running + momentum * share * sum over samples of the batch statistic
struct vkn_running_push {
    VKN_UINT origins_low, origins_high;
    VKN_UINT flags;
    VKN_UINT channels, samples;
    VKN_UINT first;     // 1: the first slice of the samples, which also decays the old value
    VKN_FLOAT momentum; // not read with VKN_CUMULATIVE
    VKN_FLOAT share;    // 1 / samples of the whole tensor
    VKN_FLOAT unbias;   // n / (n - 1), or 1
    VKN_FLOAT eps;
};

#endif
