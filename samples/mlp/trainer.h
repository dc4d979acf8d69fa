// SPDX-License-Identifier: MIT
// Training and evaluation on the device, where the whole dataset lies. One command buffer per step.
#ifndef MLP_TRAINER_H
#define MLP_TRAINER_H

#include "dataset.h"
#include "module.h"
#include "optimizer.h"

typedef struct mlp_score {
    double loss, accuracy;
} mlp_score;

typedef struct mlp_trainer mlp_trainer;

// Device, network, optimizer, and the dataset uploaded. NULL after a failure, which the device knows. All must outlive
// the trainer. batch_size: at most the records to train on.
mlp_trainer *mlp_trainer_create(nn_device *, nn_module *network, nn_optimizer *, const mlp_dataset *,
                                uint32_t batch_size, nn_random *);
void mlp_trainer_destroy(mlp_trainer *); // NULL is fine

// One pass over the training split in a new random order, in batches of batch_size; what is left over at the end waits
// for another epoch's order. Returns the mean loss of the steps. Failures stay with the device.
double mlp_trainer_epoch(mlp_trainer *);
// The test split in eval mode, in batches of `batch_size`, one command buffer each.
mlp_score mlp_trainer_test(mlp_trainer *, uint32_t batch_size);

#endif
