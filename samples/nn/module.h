// SPDX-License-Identifier: MIT
// A module: what turns a tensor into a tensor, can do it backwards, and may have parameters. A kind of module is a
// struct that begins with an nn_module, and a table of functions.
#ifndef NN_MODULE_H
#define NN_MODULE_H

#include "tensor.h"

typedef struct nn_module nn_module;

// Backward overwrites grad. Both are F32, with the same number of elements, and live as long as the module.
typedef struct nn_parameter {
    vkn_tensor value, grad;
} nn_parameter;

typedef void (*nn_parameter_visit)(void *user, const nn_parameter *);

// `forward` and `destroy` must be there; without one of the others there is nothing to visit, to switch or to share.
typedef struct nn_module_ops {
    vkn_tensor (*forward)(nn_module *, vkn_tensor x);
    vkn_tensor (*backward)(nn_module *, vkn_tensor dy, bool needs_dx);
    void (*parameters)(nn_module *, nn_parameter_visit, void *user);
    void (*train)(nn_module *, bool training);
    void (*synchronize)(nn_module *, const vkn_communicator *);
    void (*destroy)(nn_module *);
} nn_module_ops;

struct nn_module {
    const nn_module_ops *ops;
    nn_device *device;
};

// Zeroed memory for a module of `bytes`, which begins with an nn_module. NULL: out of memory, and the device knows.
void *nn_module_allocate(nn_device *, const nn_module_ops *, size_t bytes);
void nn_module_destroy(nn_module *); // NULL is fine; the device must be done with it

// Records the forward pass. y lives until the next nn_begin; absent after a failure. x is used again by backward.
vkn_tensor nn_module_forward(nn_module *, vkn_tensor x);
// Records the backward pass of the last forward, in the same step: gradients of the parameters, and dx if it is needed
// (else the result is absent).
vkn_tensor nn_module_backward(nn_module *, vkn_tensor dy, bool needs_dx);
void nn_module_parameters(nn_module *, nn_parameter_visit, void *user); // always in the same order
void nn_module_train(nn_module *, bool training);                       // false: eval. At first: training
// From now on what reaches over a batch, the statistics of batch norms, reaches over the batches of all ranks.
void nn_module_synchronize(nn_module *, const vkn_communicator *);

#endif
