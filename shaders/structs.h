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
#define VKN_CONSTANT_WORKGROUP 0 // invocations in a workgroup
#define VKN_CONSTANT_LANES 1     // invocations that share one row: a team. A power of two that divides the workgroup
#define VKN_CONSTANT_CLUSTER 2   // lanes that reduce through subgroup shuffles; the rest is shared memory. 1: none
#define VKN_CONSTANT_BLOCK 3     // words of four elements that a lane holds at once
#define VKN_CONSTANT_VECTOR 4    // words are loaded as 16 bytes; else element by element
#define VKN_CONSTANT_ON_CHIP 5   // the row fits in the team's registers and is read once
#define VKN_CONSTANT_CENTERED 6  // statistics have a mean; 0: rms
#define VKN_CONSTANT_AFFINE 7    // VKN_AFFINE_*
#define VKN_CONSTANT_COUNT 8

#define VKN_AFFINE_UNIT 0    // one weight for the whole row
#define VKN_AFFINE_ELEMENT 1 // one weight for each element of the row
#define VKN_AFFINE_SPAN 2    // one weight for each `span` elements of the row

// Flags in a push constant: what is there, and where statistics come from.
#define VKN_HAS_WEIGHT 1u
#define VKN_HAS_BIAS 2u
#define VKN_STAT_VARIANCE 4u  // the rstd binding holds variances (the running ones)
#define VKN_STAT_LOW 8u       // the low binding holds what rounding the mean to f32 left over
#define VKN_STAT_POSITION 16u // columns: statistics belong to the position, not to the column (layer, rms)
#define VKN_STAT_CHANNEL 32u  // statistics belong to the channel, as running ones do, not to the group
#define VKN_WRITE_MEAN 64u
#define VKN_WRITE_RSTD 128u
#define VKN_WRITE_VARIANCE 256u
#define VKN_WRITE_LOW 512u
#define VKN_WRITE_FIRST 1024u  // the first sums (of dy)
#define VKN_WRITE_SECOND 2048u // the second sums (of dy * xhat)
#define VKN_ACCUMULATE 4096u
#define VKN_FROZEN 8192u      // the statistics are constants: dx = rstd * g
#define VKN_CUMULATIVE 16384u // momentum is 1 / num_batches_tracked
#define VKN_WRITE_SUMS 32768u // the two sums of a statistic group, side by side

// Element offset of binding b inside what is bound: byte b of (origins_low, origins_high).

// A tensor seen as [outer][unit][run]: a row is the contiguous run of one unit at one outer index. Statistics and sums
// are per unit. A team takes one part of a unit: `outer_step` outers, `run_step` elements of each.
struct vkn_rows_push {
    VKN_UINT origins_low, origins_high;
    VKN_UINT flags;
    VKN_UINT teams;        // units * parts
    VKN_UINT units;        // of this dispatch
    VKN_UINT unit_first;   // first of them, in the slice that mean, rstd, records and weight are bound for
    VKN_UINT unit_stride;  // elements
    VKN_UINT outer_stride; // elements
    VKN_UINT outers, outer_step;
    VKN_UINT run, run_step, run_parts;
    VKN_UINT record_first, record_units; // record of (part, unit): record_first + part * record_units + unit
    VKN_UINT fan;                        // units in a statistic group
    VKN_UINT period;                     // weight of a unit: unit mod period
    VKN_UINT span;                       // VKN_AFFINE_SPAN: elements that share a weight
    VKN_FLOAT eps;
    VKN_FLOAT scale; // 1 / elements of a statistic group
};

// A tensor seen as [plane][position][column]. A unit is one column of one plane; an invocation takes four columns and
// the positions that are `part` modulo `parts`.
struct vkn_columns_push {
    VKN_UINT origins_low, origins_high;
    VKN_UINT flags;
    VKN_UINT invocations; // planes * parts * words
    VKN_UINT columns, words;
    VKN_UINT plane_stride;               // elements
    VKN_UINT positions, position_stride; // elements
    VKN_UINT parts;
    VKN_UINT unit_first, unit_pitch; // unit of (plane, column): unit_first + plane * unit_pitch + column
    VKN_UINT record_first, record_units;
    VKN_UINT fan;
    VKN_FLOAT eps;
    VKN_FLOAT scale;
};

// Records [part][unit] merged to one value per output.
struct vkn_merge_push {
    VKN_UINT origins_low, origins_high;
    VKN_UINT flags;
    VKN_UINT teams;              // outputs
    VKN_UINT parts, part_stride; // in records
    VKN_UINT fan, fan_stride;    // records of one part that belong to one output
    VKN_UINT output_stride;      // output j starts at record j * output_stride
    VKN_UINT period;             // weight of record f of output j: (j mod period) * fan + f
    VKN_FLOAT eps;
    VKN_FLOAT scale;
};

// running = keep * running + momentum * share * sum over samples of the batch statistic
struct vkn_running_push {
    VKN_UINT origins_low, origins_high;
    VKN_UINT flags;
    VKN_UINT channels, samples;
    VKN_UINT first;     // 1: the first slice of the samples, which also decays the old value
    VKN_FLOAT momentum; // not read with VKN_CUMULATIVE
    VKN_FLOAT share;    // 1 / samples of the whole tensor
    VKN_FLOAT unbias;   // n / (n - 1)
};

#endif
