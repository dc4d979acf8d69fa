// SPDX-License-Identifier: MIT
// Training and evaluation on the device, where all data lie. One command buffer per step, or, where other ranks train
// the same network, one up to each exchange with them.
#ifndef TRAINING_TRAINER_H
#define TRAINING_TRAINER_H

#include "data.h"
#include "loss.h"
#include "random.h"
#include "ranks.h"

typedef struct training_score {
    double loss, accuracy;
} training_score;

typedef struct training_trainer training_trainer;

// What a trainer works with; all of it must outlive the trainer.
typedef struct training_trainer_info {
    nn_device *device;
    nn_module *network;
    nn_optimizer *optimizer;
    nn_loss loss;
    nn_ranks *ranks; // that train the network together, each with its own of all this; NULL: this one alone
    training_data *data;
    nn_random *random;
    uint32_t batch_size; // at most the records of an epoch
    bool in_eval_mode;   // trains in eval mode: a mistake, which samples/pitfalls shows
} training_trainer_info;

// Uploads the data. NULL after a failure, which the device knows.
training_trainer *training_trainer_create(const training_trainer_info *);
void training_trainer_destroy(training_trainer *); // NULL is fine

// One pass in train mode over an epoch's records in a new random order, in batches of batch_size; what is left over at
// the end waits for another epoch's order. Ranks divide each batch between them. Returns the mean loss of the steps,
// the same on all ranks. Failures stay with the device.
double training_trainer_epoch(training_trainer *);
// The records to test on in eval mode, in batches of `batch_size`, one command buffer each.
training_score training_trainer_test(training_trainer *, uint32_t batch_size);

// Of the last epoch: the loss of each of its steps, and the order of its records, of which each step took the next
// batch_size.
uint32_t training_trainer_steps(const training_trainer *);
const float *training_trainer_losses(const training_trainer *);
const int64_t *training_trainer_order(const training_trainer *);

#endif
