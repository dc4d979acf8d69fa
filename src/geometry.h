// SPDX-License-Identifier: MIT
// Which elements share statistics and which share a weight: pure arithmetic, no Vulkan handle.
//
// Memory is seen as [outer][unit][run] (rows family) or as [plane][position][column] (columns family):
//
//   kind                  | rows: outer, units, run  | columns: planes, positions, columns | fan  | affine
//   batch                 | N, C, S                  | 1, N*S, C                           | 1    | by unit
//   instance              | 1, N*C, S                | N, S, C                             | 1    | by unit mod C
//   group                 | 1, N*C, S                | N, S, C                             | C/G  | by unit mod C
//   group, S = 1          | 1, N*G, C/G              |                                     | 1    | by element (1)
//   layer, rms            | 1, rows, K               |                                     | 1    | by element
//   (1) row r has the weights of group r mod G
//
// A unit is what shares both statistics and weight (batch: a channel; instance, group: a channel of a sample), or for
// layer and rms a row. A statistic group is `fan` neighbouring units. Rows are for channels first, columns for channels
// last and for S = 1, where the two are the same memory; there a group's channels are a row.
#ifndef VKN_GEOMETRY_H
#define VKN_GEOMETRY_H
#include "vulkan.h"

typedef struct vkn_geometry {
    vkn_kind kind;
    bool columns;          // the family; else rows
    bool centered;         // statistics have a mean (not rms)
    bool element_affine;   // layer, rms, group with S = 1: each element of the run has its own weight
    uint64_t samples;      // N; element_affine: rows
    uint64_t channels;     // C; element_affine: 1
    uint64_t run;          // S; layer, rms: K; group with S = 1: C/G
    uint64_t outer;        // samples that share statistics: batch N, else 1
    uint64_t units;        // batch C, else samples * channels
    uint64_t fan;          // units in a statistic group
    uint64_t groups;       // units / fan
    uint64_t group_size;   // elements of a statistic group
    uint64_t features;     // elements of weight and bias
    bool has_batch;        // weights may be per sample (layer, rms: not where N is normalized, too)
    uint64_t batch;        // N
    uint64_t sample_rows;  // layer, rms: rows of one of the N samples, at least 1
    uint64_t weight_rows;  // element_affine: rows with weights of their own, after which they begin again
    uint64_t unit_weights; // weights of one unit: 1, but the channels of a group where its run is one unit
    uint64_t elements;
} vkn_geometry;

// Kind, groups and eps, as far as they need no tensor.
vkn_result vkn_norm_check(const vkn_norm *);
// Fails with a message where norm and tensor do not fit. `training_statistics`: the statistics come from x, so that
// PyTorch's demand for more than one value applies.
vkn_result vkn_geometry_make(const vkn_norm *, const vkn_tensor *x, bool training_statistics, vkn_geometry *out);

#endif
