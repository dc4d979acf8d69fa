// SPDX-License-Identifier: MIT
// Sums over the rows of a matrix: the gradient of what was added to each row.
#ifndef NN_COLUMN_SUM_H
#define NN_COLUMN_SUM_H

#include "tensor.h"

// sum[n] = sum over m of x[m][n]; zeros where x has no rows. sum has as many elements as x has columns.
void nn_column_sum(nn_device *, const vkn_tensor *x, const vkn_tensor *sum);

#endif
