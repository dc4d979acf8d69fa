// SPDX-License-Identifier: MIT
// Arguments of the recording calls: what must hold before anything is recorded.
#ifndef VKN_CHECK_H
#define VKN_CHECK_H
#include "geometry.h"

vkn_result vkn_check_forward(const vkn_norm *, const vkn_forward_args *, vkn_geometry *out);
vkn_result vkn_check_backward(const vkn_norm *, const vkn_backward_args *, vkn_geometry *out);

#endif
