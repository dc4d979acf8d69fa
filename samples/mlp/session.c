// SPDX-License-Identifier: MIT
#include "session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "report.h"

enum { DONE, FAILED, MISTAKE };

typedef struct session {
    const mlp_team *team; // may be NULL
    uint32_t rank, ranks;
    mlp_options options;
    mlp_report report;
    mlp_dataset data;
    nn_random random;
    vkn_context *context;
    nn_device *device;
    nn_module *network;
    nn_optimizer *adam;
    nn_ranks *others; // NULL: alone
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

// What fails on this rank alone: the others would wait for it.
static void fail_alone(const session *s, const char *what, const char *why) {
    char rank[32] = "";
    if (s->team) snprintf(rank, sizeof rank, "rank %u: ", s->rank);
    fprintf(stderr, "mlp: %s%s%s%s\n", rank, what, *what ? ": " : "", why);
    if (s->team) s->team->abandon(FAILED);
}

static bool open_device(session *s) {
    const vkn_context_info info = {.device = s->options.device, .log = s->rank == 0 ? log_warning : NULL};
    vkn_result result = vkn_context_create(&info, &s->context);
    if (result == VKN_OK) result = nn_device_create(s->context, &s->device);
    if (result != VKN_OK) fail_alone(s, vkn_result_string(result), vkn_error_message());
    return result == VKN_OK;
}

static bool build(session *s) {
    nn_adam_info adam = nn_adam_defaults();
    adam.lr = s->options.lr;
    s->network = mlp_network_create(s->device, s->options.norm, s->data.features, &s->random);
    if (s->network) s->adam = nn_adam_create(s->network, &adam);
    if (s->adam && s->team) s->others = nn_ranks_create(s->network, s->adam, s->team->communicator);
    if (!nn_ok(s->device)) return false;
    s->trainer = mlp_trainer_create(&(mlp_trainer_info){.device = s->device,
                                                        .network = s->network,
                                                        .optimizer = s->adam,
                                                        .ranks = s->others,
                                                        .data = &s->data,
                                                        .random = &s->random,
                                                        .batch_size = s->options.batch_size});
    return s->trainer != NULL;
}

// All ranks have the same loss, and stop alike; the first one tests, and reports.
static bool train_epoch(session *s, uint32_t epoch, mlp_result *result) {
    result->train_loss = mlp_trainer_epoch(s->trainer);
    if (s->rank == 0) result->test = mlp_trainer_test(s->trainer, s->data.test.count);
    if (!nn_ok(s->device)) return false;
    if (s->rank == 0) mlp_report_epoch(&s->report, epoch, result->train_loss, result->test);
    if (isfinite(result->train_loss)) return true;
    if (s->rank == 0)
        fprintf(stderr, "mlp: epoch %u: the loss is not finite; try a smaller --lr than %g\n", epoch, s->options.lr);
    return false;
}

static bool train(session *s, mlp_result *result) {
    const double start = now();
    for (uint32_t epoch = 1; epoch <= s->options.epochs; epoch++) {
        if (!train_epoch(s, epoch, result)) return false;
    }
    result->seconds = now() - start;
    if (s->rank > 0) return true;
    result->test_one = mlp_trainer_test(s->trainer, 1);
    if (!nn_ok(s->device)) return false;
    if (result->test_one.accuracy != result->test.accuracy) {
        fprintf(stderr, "mlp: test accuracy %.6f one record at a time, but %.6f at once\n", result->test_one.accuracy,
                result->test.accuracy);
        return false;
    }
    mlp_report_result(&s->report, &s->device->info, result);
    return true;
}

static bool run(session *s) {
    if (!open_device(s)) return false;
    mlp_result result = {.train_records = s->data.train.count, .test_records = s->data.test.count, .ranks = s->ranks};
    bool ok = build(s);
    if (ok && s->rank == 0) mlp_report_start(&s->report, &s->device->info, &s->data, s->ranks);
    if (ok) ok = train(s, &result);
    if (!nn_ok(s->device)) fail_alone(s, "", nn_message(s->device));
    return ok;
}

static void close_session(session *s) {
    mlp_trainer_destroy(s->trainer);
    nn_ranks_destroy(s->others);
    nn_optimizer_destroy(s->adam);
    nn_module_destroy(s->network);
    nn_device_destroy(s->device);
    vkn_context_destroy(s->context);
    mlp_dataset_free(&s->data);
}

// Everything that fails the same way on all ranks, where all see the same files.
static int prepare(session *s, int argc, char **argv) {
    if (!mlp_options_parse(&s->options, argc, argv)) return MISTAKE;
    s->random.state = s->options.seed;
    if (s->options.help) return DONE;
    if (!load_data(s)) return FAILED;
    return s->rank > 0 || mlp_report_open(&s->report, &s->options) ? DONE : FAILED;
}

// The first rank goes ahead, so that a mistake is told once; the others follow where it found none.
static int prepare_in_turn(session *s, int argc, char **argv) {
    int mine = s->rank == 0 ? prepare(s, argc, argv) : DONE;
    if (!s->team) return mine;
    int *all = calloc(s->ranks, sizeof *all);
    const vkn_communicator *communicator = s->team->communicator;
    if (!all || communicator->all_gather(communicator->user, &mine, all, sizeof mine)) {
        fail_alone(s, "the other ranks", "could not be asked");
        mine = FAILED;
    } else if (all[0] != DONE) {
        mine = all[0];
    } else if (s->rank > 0) {
        mine = prepare(s, argc, argv);
        if (mine != DONE) fail_alone(s, "the first rank", "went on with the same command line");
    }
    free(all);
    return mine;
}

int mlp_session_run(int argc, char **argv, const mlp_team *team) {
    session s = {.team = team, .ranks = 1};
    if (team) team->communicator->place(team->communicator->user, &s.rank, &s.ranks);
    int status = prepare_in_turn(&s, argc, argv);
    if (status == DONE && s.options.help && s.rank == 0) mlp_options_usage(argv[0]);
    if (status == DONE && !s.options.help && !run(&s)) status = FAILED;
    if (s.rank == 0 && status != MISTAKE && !mlp_report_close(&s.report)) status = FAILED;
    close_session(&s);
    return status;
}
