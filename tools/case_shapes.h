// SPDX-License-Identifier: MIT
// Shapes as files store them ([N, C, ...] or [N, ..., C]) and as the library wants them (always [N, C, ...]).
#ifndef VKNORM_CASE_SHAPES_H
#define VKNORM_CASE_SHAPES_H

#include "cases.h"
#include "safetensors.h"

// What the device saves of a statistic group: the mean, what rounding left over, rstd, the variance.
enum { STATISTIC_MEAN = 0, STATISTIC_RSTD = 2, STATISTICS_COUNT = 4 };

// Those that return an int return COMMAND_OK, or COMMAND_FAILED after a message.

// x, and what is as x, in the layout of the case.
int shape_as_x(const norm_case *, const char *name, const vkn_safetensor *stored, vkn_tensor *out);
// Everything else: only its number of elements counts for the library.
int shape_parameter(const norm_case *, const char *name, const vkn_safetensor *stored, vkn_tensor *out);
// The tensor of statistics on the device, and dtype, shape and bytes that mean and rstd have in the file.
void shape_statistics(const norm_case *, const vkn_safetensor *x, vkn_tensor *out, vkn_safetensor *stored);
// Refuses a parameter that has the right number of elements in another shape: [C]; weight and bias of layer and rms
// (`affine`): the normalized shape; weight and bias per sample: N in front; num_batches_tracked: [] or [1]. A wrong
// number is the library's to refuse.
int shape_check(const norm_case *, const char *name, const vkn_safetensor *x, bool affine,
                const vkn_safetensor *stored);

#endif
