// SPDX-License-Identifier: MIT
// What the user sees: progress, the table, the result, and the curves in files.
#ifndef TRAINING_REPORT_H
#define TRAINING_REPORT_H

#include <stdio.h>

#include "program.h"
#include "trainer.h"

typedef struct training_result {
    training_score test;
    training_score test_one; // one record at a time, where the program wants it
    double train_loss;       // of the last epoch
    double seconds;          // of the training with its tests
    double epoch_seconds;    // of training alone, the mean of the epochs but the first, which builds pipelines
} training_result;

// What a report is about; all of it must outlive the report.
typedef struct training_report_info {
    const training_program *program;
    const training_options *options;
    const training_data *data;
    const vkn_device_info *device;
    uint32_t ranks;
} training_report_info;

typedef struct training_report {
    training_report_info with;
    FILE *csv, *steps_csv; // each may be NULL
    bool progress;         // stderr is a terminal
} training_report;

// Opens the files of the curves, so that a bad path is known before the training. Says so on stderr, and returns false.
bool training_report_open(training_report *, const training_options *);
void training_report_start(training_report *, const training_report_info *);
// After each epoch; they count from 1.
void training_report_epoch(training_report *, uint32_t epoch, const training_result *, const training_trainer *);
void training_report_result(training_report *, const training_result *);
// Closes the files. False, and a word on stderr, if one of them or stdout could not be written.
bool training_report_close(training_report *);

#endif
