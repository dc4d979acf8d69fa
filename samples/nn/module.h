// SPDX-License-Identifier: MIT
// A module: what turns a tensor into a tensor, can do it backwards, and may have parameters. A kind of module is a
// struct that begins with an nn_module, and a table of functions.
#ifndef NN_MODULE_H
#define NN_MODULE_H

#include "tensor.h"

typedef struct nn_module nn_module;

// Both live as long as the module. A parameter has a gradient, which backward overwrites: both are F32, with the same
// number of elements. A buffer (running statistics) has none: grad is absent.
typedef struct nn_parameter {
    vkn_tensor value, grad;
} nn_parameter;

enum { NN_NAME_SIZE = 128 };

// Names are those of PyTorch's state_dict of the same network: "0.weight".
typedef void (*nn_parameter_visit)(void *user, const char *name, const nn_parameter *);
typedef void (*nn_child_visit)(void *user, const char *name, nn_module *child);

// `forward` and `destroy` must be there; without one of the others there is nothing to visit or to do. All are about
// the module itself: module.c goes through the children, and puts the names together.
typedef struct nn_module_ops {
    vkn_tensor (*forward)(nn_module *, vkn_tensor x);
    vkn_tensor (*backward)(nn_module *, vkn_tensor dy, bool needs_dx);
    void (*state)(nn_module *, nn_parameter_visit, void *user); // its own parameters and buffers: "weight"
    void (*children)(nn_module *, nn_child_visit, void *user);  // the modules in it: "0"
    void (*train)(nn_module *, bool training);
    void (*freeze)(nn_module *, bool frozen);
    void (*synchronize)(nn_module *, const vkn_communicator *);
    void (*destroy)(nn_module *); // with the children
} nn_module_ops;

struct nn_module {
    const nn_module_ops *ops;
    nn_device *device;
    bool frozen; // backward computes no gradients of the parameters
};

// Zeroed memory for a module of `bytes`, which begins with an nn_module. NULL: out of memory, and the device knows.
void *nn_module_allocate(nn_device *, const nn_module_ops *, size_t bytes);
void nn_module_destroy(nn_module *); // NULL is fine; the device must be done with it

// Records the forward pass. y lives until the next nn_begin; absent after a failure. x is used again by backward.
vkn_tensor nn_module_forward(nn_module *, vkn_tensor x);
// Records the backward pass of the last forward, in the same step: gradients of the parameters, and dx if it is needed
// (else the result is absent).
vkn_tensor nn_module_backward(nn_module *, vkn_tensor dy, bool needs_dx);
// What is to be kept of a module: its parameters and buffers, then those of its children. Always in the same order.
void nn_module_state(nn_module *, nn_parameter_visit, void *user);
void nn_module_children(nn_module *, nn_child_visit, void *user);       // the modules in it, under their own names
void nn_module_parameters(nn_module *, nn_parameter_visit, void *user); // of that what is trained: not frozen
void nn_module_train(nn_module *, bool training);                       // false: eval. At first: training
// Frozen: backward computes no gradients of the parameters, so that optimizers that are made from now on pass over
// them, and norms take the statistics of eval and update none.
void nn_module_freeze(nn_module *, bool frozen);
// From now on what reaches over a batch, the statistics of batch norms, reaches over the batches of all ranks.
void nn_module_synchronize(nn_module *, const vkn_communicator *);

#endif
