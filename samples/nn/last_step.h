// SPDX-License-Identifier: MIT
// What a sequence ends with.
#ifndef NN_LAST_STEP_H
#define NN_LAST_STEP_H

#include "module.h"

nn_module *nn_last_step_create(nn_device *); // x [N, T, D] to y [N, D], x[:, -1]

#endif
