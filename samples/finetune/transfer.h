// SPDX-License-Identifier: MIT
// A network that is carried over from one task to another: its last layer is the head, all before it the backbone.
#ifndef FINETUNE_TRANSFER_H
#define FINETUNE_TRANSFER_H

#include "module.h"
#include "options.h"
#include "records.h"
#include "trainer.h"

typedef struct transfer {
    const training_options *options;
    nn_device *device;
} transfer;

// The simple model of samples/cnn with batch norm, always with the same initial weights. NULL after a failure, which
// the device knows.
nn_module *transfer_network(const transfer *, const training_record *);

typedef struct transfer_head {
    char prefix[NN_NAME_SIZE]; // of its names: "8."
    nn_module *module;
} transfer_head;
transfer_head transfer_find_head(nn_module *network);
// Freezes all but the head: its norms take the statistics of eval, and none of it gets gradients.
void transfer_freeze_backbone(nn_module *network);
// Overwrites the head with another network's.
void transfer_put_head(nn_module *network, nn_module *from);

// Trains `part` of the network with Adam for the epochs of the options. Failures stay with the device.
void transfer_train(const transfer *, nn_module *network, nn_module *part, training_records *, uint32_t batch_size);
training_score transfer_test(const transfer *, nn_module *network, training_records *); // in eval mode

// The running means of all norms, one behind the other. free() it. NULL after a failure, which the device knows.
float *transfer_running_means(nn_module *network, size_t *count);

#endif
