// SPDX-License-Identifier: MIT
// Shapes as files store them ([N, C, ...] or [N, ..., C]) and as the library wants them (always [N, C, ...]).
#ifndef VKNORM_CASE_SHAPES_H
#define VKNORM_CASE_SHAPES_H

#include "cases.h"
#include "safetensors.h"

// Those that return an int return COMMAND_OK, or COMMAND_FAILED after a message.

// x or dy, in the layout of the case.
int shape_activation(const norm_case *, const char *name, const vkn_safetensor *stored, vkn_tensor *out);
// Everything else: only its number of elements counts for the library.
int shape_parameter(const norm_case *, const char *name, const vkn_safetensor *stored, vkn_tensor *out);
// Dtype, shape and bytes of mean and rstd.
void shape_statistic(const norm_case *, const vkn_safetensor *x, vkn_safetensor *out);
// Refuses a parameter that has the right number of elements in another shape: [C]; weight and bias of layer and rms
// (`affine`): the normalized shape; num_batches_tracked: [] or [1]. A wrong number is the library's to refuse.
int shape_check(const norm_case *, const char *name, const vkn_safetensor *x, bool affine,
                const vkn_safetensor *stored);

#endif
