// SPDX-License-Identifier: MIT
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_ROWS = 10 };

bool mlp_report_open(mlp_report *report, const mlp_options *options) {
    *report = (mlp_report){.options = options, .progress = isatty(STDERR_FILENO) == 1};
    if (!options->csv) return true;
    report->csv = fopen(options->csv, "w");
    if (report->csv) {
        fprintf(report->csv, "epoch,train_loss,test_loss,test_accuracy\n");
    } else {
        fprintf(stderr, "mlp: --csv: %s: %s\n", options->csv, strerror(errno));
    }
    return report->csv != NULL;
}

void mlp_report_start(mlp_report *report, const vkn_device_info *device, const mlp_dataset *data, uint32_t ranks) {
    const mlp_options *options = report->options;
    if (options->json) return;
    printf("device  %s", device->name);
    if (ranks > 1) printf(", and those of %u other ranks", ranks - 1);
    printf("\n");
    printf("data    %u records to train on, %u to test on, %u features each\n", data->train.count, data->test.count,
           data->features);
    printf("norm    %s, seed %llu, batch size %u, lr %g\n\n", options->norm->name, (unsigned long long)options->seed,
           options->batch_size, options->lr);
    printf("%7s %12s %12s %15s\n", "epoch", "train loss", "test loss", "test accuracy");
}

void mlp_report_epoch(mlp_report *report, uint32_t epoch, double train_loss, mlp_score test) {
    const uint32_t epochs = report->options->epochs;
    const uint32_t every = epochs > TABLE_ROWS ? epochs / TABLE_ROWS : 1;
    if (report->progress) {
        fprintf(stderr, "\r\033[K");
        if (epoch < epochs) fprintf(stderr, "epoch %u of %u, loss %.4f", epoch, epochs, train_loss);
    }
    if (report->csv) fprintf(report->csv, "%u,%.9g,%.9g,%.9g\n", epoch, train_loss, test.loss, test.accuracy);
    if (!report->options->json && (epoch == 1 || epoch == epochs || epoch % every == 0)) {
        if (report->progress) fprintf(stderr, "\r\033[K");
        printf("%7u %12.4f %12.4f %15.3f\n", epoch, train_loss, test.loss, test.accuracy);
        fflush(stdout);
    }
}

static void print_json(const mlp_options *options, const vkn_device_info *device, const mlp_result *result) {
    json_t *json =
        json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "device", device->name,
                  "driver", device->driver, "ranks", (json_int_t)result->ranks, "norm", options->norm->name, "seed",
                  (json_int_t)options->seed, "epochs", (json_int_t)options->epochs, "batch_size",
                  (json_int_t)options->batch_size, "lr", options->lr, "train_records",
                  (json_int_t)result->train_records, "test_records", (json_int_t)result->test_records, "train_loss",
                  result->train_loss, "test_loss", result->test.loss, "test_accuracy", result->test.accuracy,
                  "test_accuracy_one_at_a_time", result->test_one.accuracy, "seconds", result->seconds);
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(json);
}

void mlp_report_result(mlp_report *report, const vkn_device_info *device, const mlp_result *result) {
    if (report->options->json) {
        print_json(report->options, device, result);
        return;
    }
    printf("\ntrained in %.2f s\n", result->seconds);
    printf("one record at a time: test accuracy %.3f\n", result->test_one.accuracy);
    printf("test accuracy %.3f\n", result->test.accuracy);
}

bool mlp_report_close(mlp_report *report) {
    bool ok = true;
    if (report->csv) {
        const bool written = !ferror(report->csv);
        if (fclose(report->csv) != 0 || !written) {
            fprintf(stderr, "mlp: --csv: %s: could not be written\n", report->options->csv);
            ok = false;
        }
        report->csv = NULL;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "mlp: the output could not be written\n");
        ok = false;
    }
    return ok;
}
