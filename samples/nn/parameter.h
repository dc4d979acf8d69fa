// SPDX-License-Identifier: MIT
// Parameters as they are before the first step of a training. Of lifetime NN_FOREVER; absent after a failure, which the
// device knows.
#ifndef NN_PARAMETER_H
#define NN_PARAMETER_H

#include "module.h"
#include "random.h"

// Uniform in +-bound; 0: zeros.
nn_parameter nn_parameter_uniform(nn_device *, uint32_t rank, const uint32_t *shape, float bound, nn_random *);
// Normal, of mean 0 and deviation 1.
nn_parameter nn_parameter_normal(nn_device *, uint32_t rank, const uint32_t *shape, nn_random *);

#endif
