// SPDX-License-Identifier: MIT
// What the pitfalls are shown on: digits, as rows of 64 pixels, and Linear(64, 32) - batch norm - ReLU - Linear(32,
// 10).
#ifndef PITFALLS_STUDY_H
#define PITFALLS_STUDY_H

#include "figures.h"
#include "optimizer.h"
#include "options.h"
#include "records.h"
#include "trainer.h"

enum { STUDY_HIDDEN = 32, STUDY_CLASSES = 10, STUDY_SIDE = 8, STUDY_LEAST = 64 }; // STUDY_LEAST: records of the test

typedef struct study {
    const training_options *options;
    nn_device *device;
    training_records *data;
    nn_module *trained; // as it should be
} study;

// Always with the same initial weights. NULL after a failure, which the device knows.
nn_module *study_network(study *);
// Trains with Adam for the epochs of the options; after each, `visit` (may be NULL) gets its loss and what the test
// gives. Always in the same order. eval: in eval mode, which is a mistake. False after a failure.
typedef bool (*study_visit)(void *user, uint32_t epoch, double train_loss, training_score test);
bool study_train(study *, nn_module *, nn_optimizer *, bool eval, study_visit, void *user);
nn_optimizer *study_adam(study *, nn_module *);

// The logits of the first `count` records of the test in the order `order` (NULL: as they are), in batches of `batch`,
// by a network in the mode it is in. [count][STUDY_CLASSES], to be freed; NULL after a failure.
float *study_logits(study *, nn_module *, const int64_t *order, uint32_t count, uint32_t batch);
// "0.bias", ...: absent (no buffer) where there is none.
nn_parameter study_parameter(nn_module *, const char *name);

// What goes wrong, in figures and a remark. False after a failure, which the device knows or which was told.
bool pitfall_train_mode(study *, training_figures *);
bool pitfall_eval_mode(study *, training_figures *);
bool pitfall_batch_of_one(study *, training_figures *);
bool pitfall_axis(study *, training_figures *);
bool pitfall_bias(study *, training_figures *);

#endif
