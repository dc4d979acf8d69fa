// SPDX-License-Identifier: MIT
// Arguments of the recording calls: what must hold before anything is recorded.
#ifndef VKN_CHECK_H
#define VKN_CHECK_H
#include "geometry.h"

vkn_result vkn_check_forward(const vkn_norm *, const vkn_forward_args *, vkn_geometry *out);
// Makes those tensors absent that the call does not look at. `sums_only`: the first half, vkn_norm_sums, which writes
// args->sums.
vkn_result vkn_check_backward(const vkn_norm *, vkn_backward_args *, bool sums_only, vkn_geometry *out);
vkn_result vkn_check_moments(const vkn_norm *, const vkn_tensor *x, const vkn_tensor *moments, vkn_geometry *out);
vkn_result vkn_check_dtypes(const vkn_tensor *x, vkn_dtype weight);
vkn_result vkn_check_present(const char *name, const vkn_tensor *);
// A tensor of four floats a statistic group.
vkn_result vkn_check_groups(const char *name, const vkn_tensor *, uint64_t groups);
// The tensor that is written and the other one have no byte in common.
vkn_result vkn_check_apart(const char *written, const vkn_tensor *, const char *name, const vkn_tensor *);
// Whether weights are per sample; the first that is there of `parameters` tells.
bool vkn_is_per_sample(const vkn_geometry *, const vkn_tensor *const *parameters, uint32_t count);

#endif
