// SPDX-License-Identifier: MIT
// Modules one after the other: itself a module.
#ifndef NN_SEQUENTIAL_H
#define NN_SEQUENTIAL_H

#include "module.h"

nn_module *nn_sequential_create(nn_device *);
// Appends `module`, which from now on belongs to `sequential`, also after a failure. With NULL for either (what a
// create that failed returns) nothing is appended, and the other one is destroyed if it is `module`.
void nn_sequential_add(nn_module *sequential, nn_module *module);

#endif
