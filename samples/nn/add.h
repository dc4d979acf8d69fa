// SPDX-License-Identifier: MIT
// Sums of tensors.
#ifndef NN_ADD_H
#define NN_ADD_H

#include "tensor.h"

// a + b, of a's shape and lifetime NN_STEP. b's elements are taken over and over, so their number must divide a's.
vkn_tensor nn_add(nn_device *, const vkn_tensor *a, const vkn_tensor *b);

#endif
