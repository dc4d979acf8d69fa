// SPDX-License-Identifier: MIT
// Data of records that have each the same features, and a label: a class, or 0 or 1.
#ifndef TRAINING_RECORDS_H
#define TRAINING_RECORDS_H

#include "data.h"
#include "random.h"

enum { TRAINING_RECORD_RANK = 3 };

// Records in host memory.
typedef struct training_table {
    uint32_t count;
    float *features; // [count][the record's shape]
    int64_t *labels; // [count]
} training_table;

// One record, and what its label means.
typedef struct training_record {
    uint32_t rank, shape[TRAINING_RECORD_RANK]; // [30], [1, 8, 8], ...
    uint32_t classes;                           // labels are 0 to classes - 1
    bool binary;                                // targets are F32 [N, 1], of 2 classes, instead of I64 [N]
} training_record;

typedef struct training_records {
    training_data data;
    training_record record;
    training_table host[TRAINING_SPLIT_COUNT];
    vkn_tensor features[TRAINING_SPLIT_COUNT], targets[TRAINING_SPLIT_COUNT]; // on the device
} training_records;

// Memory for `count` records. False: out of memory, which it has told.
bool training_table_create(training_table *, const training_record *, uint32_t count);
void training_table_free(training_table *);

// Takes both tables over. NULL after a failure, which it has told; the tables are then freed, too.
training_records *training_records_create(const training_record *, training_table *train, training_table *test);
// The same with a fifth of the table's records, drawn by `random`, for the test.
training_records *training_records_split(const training_record *, training_table *, nn_random *);

uint32_t training_record_features(const training_record *); // the product of its shape

#endif
