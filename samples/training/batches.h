// SPDX-License-Identifier: MIT
// A file of what a training was fed, so that a program in another language can feed the same: the data's tensors, and
// "order" [epochs, steps, batch size], the numbers of the records of each batch.
#ifndef TRAINING_BATCHES_H
#define TRAINING_BATCHES_H

#include "trainer.h"

typedef struct training_batches {
    const char *path; // NULL: nothing is kept
    uint32_t epochs, steps, batch_size;
    int64_t *order;
} training_batches;

// With the order of the epoch that the trainer has just done. False: out of memory.
bool training_batches_add(training_batches *, const training_trainer *, uint32_t batch_size);
// Writes the file. False after a failure, which it has told.
bool training_batches_save(const training_batches *, const training_data *);
void training_batches_free(training_batches *);

#endif
