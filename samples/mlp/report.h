// SPDX-License-Identifier: MIT
// What the user sees: progress, the table, the result, and the curves in a file.
#ifndef MLP_REPORT_H
#define MLP_REPORT_H

#include <stdio.h>

#include "options.h"
#include "trainer.h"

typedef struct mlp_result {
    mlp_score test;     // the whole split at once
    mlp_score test_one; // one record at a time
    double train_loss;  // of the last epoch
    double seconds;     // of the training
    uint32_t train_records, test_records, ranks;
} mlp_result;

typedef struct mlp_report {
    const mlp_options *options;
    FILE *csv;     // may be NULL
    bool progress; // stderr is a terminal
} mlp_report;

// Opens the file of the curves, so that a bad path is known before the training. Says so on stderr, and returns false.
bool mlp_report_open(mlp_report *, const mlp_options *);
void mlp_report_start(mlp_report *, const vkn_device_info *, const mlp_dataset *, uint32_t ranks);
void mlp_report_epoch(mlp_report *, uint32_t epoch, double train_loss, mlp_score test); // epochs count from 1
void mlp_report_result(mlp_report *, const vkn_device_info *, const mlp_result *);
// Closes the file. False, and a word on stderr, if it or stdout could not be written.
bool mlp_report_close(mlp_report *);

#endif
