// SPDX-License-Identifier: MIT
// What a layer is, for the state file.
#ifndef VKN_LAYER_H
#define VKN_LAYER_H
#include "vulkan.h"

const vkn_layer_info *vkn_layer_about(const vkn_layer *);

#endif
