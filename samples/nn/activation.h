// SPDX-License-Identifier: MIT
// Activations: a function of each element, on tensors of any shape.
#ifndef NN_ACTIVATION_H
#define NN_ACTIVATION_H

#include "module.h"

nn_module *nn_relu_create(nn_device *); // y = max(x, 0)
// y = x Phi(x), Phi the distribution function of the normal distribution: torch.nn.GELU() (Hendrycks & Gimpel 2016)
nn_module *nn_gelu_create(nn_device *);

#endif
