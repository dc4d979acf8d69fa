// SPDX-License-Identifier: MIT
// The binary version of CIFAR-10 (Krizhevsky 2009): data_batch_1.bin to data_batch_5.bin to train on, test_batch.bin to
// test on. A record is a byte for the class, 0 to 9, and 3 x 32 x 32 bytes: red, green and blue, row by row.
#ifndef CNN_CIFAR10_H
#define CNN_CIFAR10_H

#include "records.h"

// Pixels become -1 to 1. NULL after a failure, which it has told, with file and record.
training_records *cnn_cifar10_load(const char *folder);

#endif
