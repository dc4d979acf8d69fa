// SPDX-License-Identifier: MIT
// y = x weight^T + bias, as torch.nn.Linear.
#ifndef NN_LINEAR_H
#define NN_LINEAR_H

#include "module.h"
#include "random.h"

// x [.., in], of rank 2 or more, to y [.., out]. weight [out, in] and bias [out] start uniform in +-1 / sqrt(in), as
// torch.nn.Linear's do.
nn_module *nn_linear_create(nn_device *, uint32_t in, uint32_t out, nn_random *);

#endif
