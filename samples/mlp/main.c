// SPDX-License-Identifier: MIT
// Trains a small network with a norm on real, unscaled data, and tests it.
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "report.h"

typedef struct session {
    mlp_options options;
    mlp_report report;
    mlp_dataset data;
    nn_random random;
    vkn_context *context;
    nn_device *device;
    nn_module *network;
    nn_optimizer *adam;
    mlp_trainer *trainer;
} session;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool load_data(session *s) {
    const mlp_options *options = &s->options;
    if (!mlp_dataset_load(&s->data, options->data, &s->random)) return false;
    if (options->batch_size > s->data.train.count) {
        fprintf(stderr, "mlp: --batch-size: %u, but there are %u records to train on\n", options->batch_size,
                s->data.train.count);
        return false;
    }
    return true;
}

static void log_warning(void *user, vkn_log_level level, const char *text) {
    (void)user;
    if (level != VKN_LOG_INFO) fprintf(stderr, "mlp: %s\n", text);
}

static bool open_device(session *s) {
    const vkn_context_info info = {.device = s->options.device, .log = log_warning};
    vkn_result result = vkn_context_create(&info, &s->context);
    if (result == VKN_OK) result = nn_device_create(s->context, &s->device);
    if (result != VKN_OK) fprintf(stderr, "mlp: %s: %s\n", vkn_result_string(result), vkn_error_message());
    return result == VKN_OK;
}

static bool build(session *s) {
    nn_adam_info adam = nn_adam_defaults();
    adam.lr = s->options.lr;
    s->network = mlp_network_create(s->device, s->options.norm, s->data.features, &s->random);
    if (s->network) s->adam = nn_adam_create(s->network, &adam);
    if (s->adam) {
        s->trainer = mlp_trainer_create(s->device, s->network, s->adam, &s->data, s->options.batch_size, &s->random);
    }
    return s->trainer != NULL;
}

static bool train(session *s, mlp_result *result) {
    const double start = now();
    for (uint32_t epoch = 1; epoch <= s->options.epochs; epoch++) {
        result->train_loss = mlp_trainer_epoch(s->trainer);
        result->test = mlp_trainer_test(s->trainer, s->data.test.count);
        if (!nn_ok(s->device)) return false;
        mlp_report_epoch(&s->report, epoch, result->train_loss, result->test);
        if (!isfinite(result->train_loss)) {
            nn_fail(s->device, VKN_BAD_ARGUMENT, "epoch %u: the loss is not finite; try a smaller --lr than %g", epoch,
                    s->options.lr);
            return false;
        }
    }
    result->seconds = now() - start;
    result->test_one = mlp_trainer_test(s->trainer, 1);
    if (result->test_one.accuracy != result->test.accuracy) {
        nn_fail(s->device, VKN_BAD_ARGUMENT, "test accuracy %.6f one record at a time, but %.6f at once",
                result->test_one.accuracy, result->test.accuracy);
    }
    return nn_ok(s->device);
}

static bool run(session *s) {
    if (!load_data(s) || !mlp_report_open(&s->report, &s->options) || !open_device(s)) return false;
    mlp_result result = {.train_records = s->data.train.count, .test_records = s->data.test.count};
    if (build(s)) {
        mlp_report_start(&s->report, &s->device->info, &s->data);
        if (train(s, &result)) mlp_report_result(&s->report, &s->device->info, &result);
    }
    if (!nn_ok(s->device)) fprintf(stderr, "mlp: %s\n", nn_message(s->device));
    return nn_ok(s->device);
}

static void close_session(session *s) {
    mlp_trainer_destroy(s->trainer);
    nn_optimizer_destroy(s->adam);
    nn_module_destroy(s->network);
    nn_device_destroy(s->device);
    vkn_context_destroy(s->context);
    mlp_dataset_free(&s->data);
}

int main(int argc, char **argv) {
    session s = {0};
    if (!mlp_options_parse(&s.options, argc, argv)) return 2;
    if (s.options.help) {
        mlp_options_usage(argv[0]);
        return 0;
    }
    s.random.state = s.options.seed;
    bool ok = run(&s);
    if (!mlp_report_close(&s.report)) ok = false;
    close_session(&s);
    return ok ? 0 : 1;
}
