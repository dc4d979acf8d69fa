// SPDX-License-Identifier: MIT
// Rows of a table by index: how a batch is drawn from data that lies on the device.
#ifndef NN_GATHER_H
#define NN_GATHER_H

#include "tensor.h"

// y[r] = table[index[r]], of lifetime NN_STEP. table is a matrix, index an I64 vector; a row that the table does not
// have comes out as NaN.
vkn_tensor nn_gather(nn_device *, const vkn_tensor *table, const vkn_tensor *index);

#endif
