// SPDX-License-Identifier: MIT
// Dropout, as torch.nn.Dropout (Srivastava et al. 2014).
#ifndef NN_DROPOUT_H
#define NN_DROPOUT_H

#include "module.h"
#include "random.h"

// In training each element of x is zero with probability p, 0 to 1, and 1 / (1 - p) of itself otherwise; in eval mode,
// and with p = 0, y is x. The mask depends on a seed drawn from `random`, the count of forward passes in training, the
// element, and the rank where there are several: the same on every device, and never kept.
nn_module *nn_dropout_create(nn_device *, double p, nn_random *random);

#endif
