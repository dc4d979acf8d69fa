// SPDX-License-Identifier: MIT
// Training and evaluation on the device, where the whole dataset lies. One command buffer per step, or, where other
// ranks train the same network, one up to each exchange with them.
#ifndef MLP_TRAINER_H
#define MLP_TRAINER_H

#include "dataset.h"
#include "module.h"
#include "ranks.h"

typedef struct mlp_score {
    double loss, accuracy;
} mlp_score;

typedef struct mlp_trainer mlp_trainer;

// What a trainer works with; all of it must outlive the trainer.
typedef struct mlp_trainer_info {
    nn_device *device;
    nn_module *network;
    nn_optimizer *optimizer;
    nn_ranks *ranks; // that train the network together, each with its own of all this; NULL: this one alone
    const mlp_dataset *data;
    nn_random *random;
    uint32_t batch_size; // at most the records to train on
} mlp_trainer_info;

// Uploads the dataset. NULL after a failure, which the device knows.
mlp_trainer *mlp_trainer_create(const mlp_trainer_info *);
void mlp_trainer_destroy(mlp_trainer *); // NULL is fine

// One pass over the training split in a new random order, in batches of batch_size; what is left over at the end waits
// for another epoch's order. Ranks divide each batch between them. Returns the mean loss of the steps, the same on all
// ranks. Failures stay with the device.
double mlp_trainer_epoch(mlp_trainer *);
// The test split in eval mode, in batches of `batch_size`, one command buffer each.
mlp_score mlp_trainer_test(mlp_trainer *, uint32_t batch_size);

#endif
