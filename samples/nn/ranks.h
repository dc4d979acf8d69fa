// SPDX-License-Identifier: MIT
// Data-parallel training: ranks with a device each, which have the same parameters, take their share of each batch, and
// add up their gradients. All ranks make the same calls in the same order.
#ifndef NN_RANKS_H
#define NN_RANKS_H

#include "optimizer.h"

typedef struct nn_ranks nn_ranks;

// Synchronizes the module's batch norms, and is for the gradients of the optimizer, which must be the module's and
// outlive it. The communicator's functions must work as long as any of them. NULL after a failure, which the device
// knows.
nn_ranks *nn_ranks_create(nn_module *, const nn_optimizer *, const vkn_communicator *);
void nn_ranks_destroy(nn_ranks *); // NULL is fine

// This rank's rows of a batch of `count`: as many as the others' or one less, perhaps none.
typedef struct nn_share {
    uint32_t first, count;
} nn_share;
nn_share nn_ranks_share(const nn_ranks *, uint32_t count);

// Behind backward: each parameter's gradient becomes the sum of all ranks' gradients, added up in the order of the
// ranks and so of the same bits on all of them. Submits the step and begins the next one, as nn_submit and nn_begin do.
void nn_ranks_sum_gradients(nn_ranks *);
// The same with numbers on the host.
void nn_ranks_sum(nn_ranks *, float *values, size_t count);

#endif
