// SPDX-License-Identifier: MIT
// What a network learns from: records to train on and records to test on, numbered from 0, first on the host and then
// on the device. A kind of data is a struct that begins with a training_data, and a table of functions.
#ifndef TRAINING_DATA_H
#define TRAINING_DATA_H

#include <safetensors.h>

#include "tensor.h"

typedef struct training_data training_data;

typedef enum training_split { TRAINING_TRAIN, TRAINING_TEST, TRAINING_SPLIT_COUNT } training_split;

// Of lifetime NN_STEP; the first size of both is the number of records.
typedef struct training_batch {
    vkn_tensor x, targets;
} training_batch;

enum { TRAINING_DATA_TENSORS = 4 }; // at most, of `tensors`

typedef struct training_data_ops {
    void (*upload)(training_data *, nn_device *); // to tensors of lifetime NN_FOREVER
    // The records that `index`, an I64 vector, names.
    training_batch (*draw)(const training_data *, nn_device *, training_split, const vkn_tensor *index);
    // What a program in another language needs to draw the same batches: named tensors that belong to the data.
    // Returns how many.
    size_t (*tensors)(const training_data *, vkn_safetensor out[TRAINING_DATA_TENSORS]);
    void (*destroy)(training_data *);
} training_data_ops;

struct training_data {
    const training_data_ops *ops;
    nn_device *device;                     // that it was uploaded to; NULL: none yet
    uint32_t counts[TRAINING_SPLIT_COUNT]; // records
    uint32_t predictions;                  // of a record: 1, or one at each place of a text
    uint32_t epoch;                        // records of an epoch: the first of a new random order of those to train on
    char about[128];                       // "456 records to train on, 113 to test on, 30 features each"
};

// Says what is wrong with a --batch-size of more records than an epoch has, and returns false.
bool training_data_fits(const training_data *, uint32_t batch_size);
void training_data_upload(training_data *, nn_device *); // once: where it is there already, does nothing
void training_data_destroy(training_data *);             // NULL is fine

#endif
