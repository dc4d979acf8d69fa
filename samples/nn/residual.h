// SPDX-License-Identifier: MIT
// y = x + f(x): a module around another one, as in He et al. 2016.
#ifndef NN_RESIDUAL_H
#define NN_RESIDUAL_H

#include "module.h"

// `f`, which must keep the shape of x, belongs to the residual from now on, also after a failure; its names begin with
// "f.". NULL (what a create that failed returns) gives NULL.
nn_module *nn_residual_create(nn_device *, nn_module *f);

#endif
