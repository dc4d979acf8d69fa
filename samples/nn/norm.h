// SPDX-License-Identifier: MIT
// A vknorm layer as a module.
#ifndef NN_NORM_H
#define NN_NORM_H

#include "module.h"

nn_module *nn_norm_create(nn_device *, const vkn_layer_info *);

#endif
