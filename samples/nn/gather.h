// SPDX-License-Identifier: MIT
// Rows of a table by index: how a batch is drawn from data that lies on the device.
#ifndef NN_GATHER_H
#define NN_GATHER_H

#include "tensor.h"

// y[r] = table[index[r]], of lifetime NN_STEP. table is a matrix of F32 or I64, index an I64 vector. A row that the
// table does not have comes out as NaN, or of I64 as a number too large for any class or token.
vkn_tensor nn_gather(nn_device *, const vkn_tensor *table, const vkn_tensor *index);
// Windows of a vector: y[r][c] = values[stride * index[r] + c], `columns` of them, and the same where one reaches
// beyond the vector. stride is at least 1.
vkn_tensor nn_gather_windows(nn_device *, const vkn_tensor *values, const vkn_tensor *index, uint32_t stride,
                             uint32_t columns);

#endif
