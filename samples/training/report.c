// SPDX-License-Identifier: MIT
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

enum { TABLE_ROWS = 10 };

static bool open_curves(FILE **file, const char *option, const char *path, const char *header) {
    if (!path) return true;
    *file = fopen(path, "w");
    if (*file) {
        fprintf(*file, "%s\n", header);
    } else {
        training_say("%s: %s: %s", option, path, strerror(errno));
    }
    return *file != NULL;
}

bool training_report_open(training_report *report, const training_options *options) {
    *report = (training_report){.with.options = options, .progress = isatty(STDERR_FILENO) == 1};
    return open_curves(&report->csv, "--csv", options->csv, "epoch,train_loss,test_loss,test_accuracy") &&
           open_curves(&report->steps_csv, "--steps-csv", options->steps_csv, "step,train_loss");
}

static void print_setting(void *user, const char *name, const char *value, bool quoted) {
    (void)quoted;
    int *count = user;
    printf("%s%s %s", (*count)++ ? ", " : "with    ", name, value);
}

void training_report_start(training_report *report, const training_report_info *with) {
    const training_options *options = with->options;
    report->with = *with;
    if (options->json) return;
    printf("device  %s", with->device->name);
    if (with->ranks > 1) printf(", and those of %u other ranks", with->ranks - 1);
    printf("\n");
    printf("data    %s\n", with->data->about);
    printf("norm    %s, seed %llu, batch size %u, lr %g\n", options->norm->name, (unsigned long long)options->seed,
           options->batch_size, options->lr);
    int settings = 0;
    training_options_own_settings(&with->program->command, options, print_setting, &settings);
    printf("%s%7s %12s %12s %15s\n", settings ? "\n\n" : "\n", "epoch", "train loss", "test loss", "test accuracy");
}

static void write_steps(FILE *file, uint32_t epoch, const training_trainer *trainer) {
    const uint32_t steps = training_trainer_steps(trainer);
    for (uint32_t i = 0; i < steps; i++) {
        fprintf(file, "%u,%.9g\n", (epoch - 1) * steps + i + 1, (double)training_trainer_losses(trainer)[i]);
    }
}

void training_report_epoch(training_report *report, uint32_t epoch, const training_result *result,
                           const training_trainer *trainer) {
    const training_options *options = report->with.options;
    const uint32_t epochs = options->epochs, every = epochs > TABLE_ROWS ? epochs / TABLE_ROWS : 1;
    const training_score *test = &result->test;
    if (report->progress) {
        fprintf(stderr, "\r\033[K");
        if (epoch < epochs) fprintf(stderr, "epoch %u of %u, loss %.4f", epoch, epochs, result->train_loss);
    }
    if (report->steps_csv) write_steps(report->steps_csv, epoch, trainer);
    if (report->csv) {
        fprintf(report->csv, "%u,%.9g,%.9g,%.9g\n", epoch, result->train_loss, test->loss, test->accuracy);
    }
    if (!options->json && (epoch == 1 || epoch == epochs || epoch % every == 0)) {
        if (report->progress) fprintf(stderr, "\r\033[K");
        printf("%7u %12.4f %12.4f %15.3f\n", epoch, result->train_loss, test->loss, test->accuracy);
        fflush(stdout);
    }
}

static void set_setting(void *user, const char *name, const char *value, bool quoted) {
    json_object_set_new(user, name, quoted ? json_string(value) : json_loads(value, JSON_DECODE_ANY, NULL));
}

static void print_json(const training_report_info *with, const training_result *result) {
    json_t *json = json_pack("{s:s, s:s, s:s, s:I}", "program", with->program->command.name, "device",
                             with->device->name, "driver", with->device->driver, "ranks", (json_int_t)with->ranks);
    training_options_settings(&with->program->command, with->options, set_setting, json);
    const uint32_t *counts = with->data->counts;
    json_object_set_new(json, "train_records", json_integer(counts[TRAINING_TRAIN]));
    json_object_set_new(json, "test_records", json_integer(counts[TRAINING_TEST]));
    json_object_set_new(json, "train_loss", json_real(result->train_loss));
    json_object_set_new(json, "test_loss", json_real(result->test.loss));
    json_object_set_new(json, "test_accuracy", json_real(result->test.accuracy));
    if (with->program->one_at_a_time)
        json_object_set_new(json, "test_accuracy_one_at_a_time", json_real(result->test_one.accuracy));
    json_object_set_new(json, "seconds", json_real(result->seconds));
    json_object_set_new(json, "epoch_seconds", json_real(result->epoch_seconds));
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(json);
}

void training_report_result(training_report *report, const training_result *result) {
    const training_program *program = report->with.program;
    if (report->with.options->json) {
        print_json(&report->with, result);
        return;
    }
    printf("\ntrained in %.2f s\n", result->seconds);
    if (program->one_at_a_time) printf("one record at a time: test accuracy %.3f\n", result->test_one.accuracy);
    if (program->outcome == TRAINING_TEST_ACCURACY) {
        printf("test accuracy %.3f\n", result->test.accuracy);
    } else {
        printf("validation loss %.4f\n", result->test.loss);
    }
}

static bool close_curves(FILE **file, const char *option, const char *path) {
    if (!*file) return true;
    const bool written = !ferror(*file), closed = fclose(*file) == 0;
    *file = NULL;
    if (written && closed) return true;
    training_say("%s: %s: could not be written", option, path);
    return false;
}

bool training_report_close(training_report *report) {
    const training_options *options = report->with.options;
    if (!options) return training_flush();
    bool ok = close_curves(&report->csv, "--csv", options->csv);
    ok = close_curves(&report->steps_csv, "--steps-csv", options->steps_csv) && ok;
    return training_flush() && ok;
}
