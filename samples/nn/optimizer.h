// SPDX-License-Identifier: MIT
// Optimizers: what moves the parameters of a module along their gradients. A kind of optimizer is a struct that begins
// with an nn_optimizer, and a table of functions.
#ifndef NN_OPTIMIZER_H
#define NN_OPTIMIZER_H

#include "module.h"

typedef struct nn_optimizer nn_optimizer;

typedef struct nn_optimizer_ops {
    void (*step)(nn_optimizer *);
    void (*destroy)(nn_optimizer *); // what the kind has beyond nn_optimizer
} nn_optimizer_ops;

struct nn_optimizer {
    const nn_optimizer_ops *ops;
    nn_device *device;
    nn_parameter *parameters;
    size_t count;
};

// Zeroed memory for an optimizer of `bytes`, which begins with an nn_optimizer, with the parameters of `module`, which
// must outlive it. NULL: out of memory, and the device knows.
void *nn_optimizer_allocate(nn_module *, const nn_optimizer_ops *, size_t bytes);
// A tensor of zeros for each parameter, of lifetime NN_FOREVER. free() it. NULL: out of memory, and the device knows.
vkn_tensor *nn_optimizer_zeros(const nn_optimizer *);
void nn_optimizer_destroy(nn_optimizer *); // NULL is fine
// Records one step with the gradients that backward wrote.
void nn_optimizer_step(nn_optimizer *);

typedef struct nn_sgd_info {
    double lr, momentum, weight_decay;
} nn_sgd_info;
nn_optimizer *nn_sgd_create(nn_module *, const nn_sgd_info *); // torch.optim.SGD

typedef struct nn_adam_info {
    double lr, beta1, beta2, eps;
    double weight_decay; // decoupled from the gradients, as torch.optim.AdamW's
} nn_adam_info;
nn_adam_info nn_adam_defaults(void); // torch.optim.Adam's: 1e-3, 0.9, 0.999, 1e-8, 0
nn_optimizer *nn_adam_create(nn_module *, const nn_adam_info *);

#endif
