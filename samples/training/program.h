// SPDX-License-Identifier: MIT
// A program that trains one network on one kind of data: what it is made of.
#ifndef TRAINING_PROGRAM_H
#define TRAINING_PROGRAM_H

#include "data.h"
#include "loss.h"
#include "optimizer.h"
#include "options.h"
#include "random.h"

typedef enum training_outcome { TRAINING_TEST_ACCURACY, TRAINING_VALIDATION_LOSS } training_outcome;

// What is asked for options gets the program's own struct, which begins with a training_options.
typedef struct training_program {
    training_command command;
    // Says what is wrong with options that do not go together, and returns false. May be NULL.
    bool (*check)(const training_options *);
    // Reads files, in host memory. NULL after a failure, which it has told.
    training_data *(*load)(const training_options *, nn_random *);
    // NULL after a failure, which the device knows.
    nn_module *(*network)(nn_device *, const training_options *, const training_data *, nn_random *);
    nn_optimizer *(*optimizer)(nn_module *, const training_options *); // NULL: Adam with --lr
    nn_loss loss;
    training_outcome outcome; // the last line
    bool one_at_a_time;       // tests in the end with each record alone, too: both accuracies must be the same
} training_program;

#endif
