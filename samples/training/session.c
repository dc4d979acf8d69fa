// SPDX-License-Identifier: MIT
#include "session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "batches.h"
#include "engine.h"
#include "report.h"
#include "say.h"
#include "weights.h"

enum { DONE, FAILED, MISTAKE, TEST_BATCH = 256 };

typedef struct session {
    const training_program *program;
    const training_team *team; // may be NULL
    uint32_t rank, ranks;
    training_options *options; // the program's own struct
    training_report report;
    training_batches batches;
    training_data *data;
    nn_random random;
    training_engine engine;
    nn_module *network;
    nn_optimizer *optimizer;
    nn_ranks *others; // NULL: alone
    training_trainer *trainer;
} session;

static bool load_data(session *s) {
    s->data = s->program->load(s->options, &s->random);
    return s->data && training_data_fits(s->data, s->options->batch_size);
}

// What fails on this rank alone: the others would wait for it.
static void fail_alone(const session *s, const char *what, const char *why) {
    char rank[32] = "";
    if (s->team) snprintf(rank, sizeof rank, "rank %u: ", s->rank);
    training_say("%s%s%s%s", rank, what, *what ? ": " : "", why);
    if (s->team) s->team->abandon(FAILED);
}

static nn_optimizer *create_adam(nn_module *network, const training_options *options) {
    nn_adam_info adam = nn_adam_defaults();
    adam.lr = options->lr;
    return nn_adam_create(network, &adam);
}

static bool build(session *s) {
    const training_program *program = s->program;
    nn_device *device = s->engine.device;
    s->network = program->network(device, s->options, s->data, &s->random);
    if (s->network) s->optimizer = (program->optimizer ? program->optimizer : create_adam)(s->network, s->options);
    if (s->optimizer && s->team) s->others = nn_ranks_create(s->network, s->optimizer, s->team->communicator);
    if (!nn_ok(device)) return false;
    s->trainer = training_trainer_create(&(training_trainer_info){.device = device,
                                                                  .network = s->network,
                                                                  .optimizer = s->optimizer,
                                                                  .loss = program->loss,
                                                                  .ranks = s->others,
                                                                  .data = s->data,
                                                                  .random = &s->random,
                                                                  .batch_size = s->options->batch_size});
    return s->trainer != NULL;
}

// All ranks have the same loss, and stop alike; the first one tests, and reports.
static bool train_epoch(session *s, uint32_t epoch, training_result *result) {
    const double start = training_clock();
    result->train_loss = training_trainer_epoch(s->trainer);
    const uint32_t epochs = s->options->epochs, warm = epochs > 1 ? epochs - 1 : 1;
    if (epoch > 1 || epochs == 1) result->epoch_seconds += (training_clock() - start) / warm;
    if (s->rank == 0) result->test = training_trainer_test(s->trainer, TEST_BATCH);
    if (!nn_ok(s->engine.device)) return false;
    if (s->rank == 0) training_report_epoch(&s->report, epoch, result, s->trainer);
    if (!isfinite(result->train_loss)) {
        if (s->rank == 0)
            training_say("epoch %u: the loss is not finite; try a smaller --lr than %g", epoch, s->options->lr);
        return false;
    }
    if (s->rank > 0 || training_batches_add(&s->batches, s->trainer, s->options->batch_size)) return true;
    fail_alone(s, "--save-batches", "no memory for the order of this many epochs");
    return false;
}

// In eval mode a record's result must not depend on those beside it.
static bool test_one_at_a_time(session *s, training_result *result) {
    result->test_one = training_trainer_test(s->trainer, 1);
    if (!nn_ok(s->engine.device)) return false;
    if (result->test_one.accuracy == result->test.accuracy) return true;
    training_say("test accuracy %.6f one record at a time, but %.6f at once", result->test_one.accuracy,
                 result->test.accuracy);
    return false;
}

static bool save_weights(session *s, const char *path) {
    if (path && s->rank == 0) nn_weights_save(s->network, path);
    return nn_ok(s->engine.device);
}

static bool train(session *s, training_result *result) {
    if (!save_weights(s, s->options->save_init)) return false;
    const double start = training_clock();
    for (uint32_t epoch = 1; epoch <= s->options->epochs; epoch++) {
        if (!train_epoch(s, epoch, result)) return false;
    }
    result->seconds = training_clock() - start;
    if (s->rank > 0) return true;
    if (!save_weights(s, s->options->save) || !training_batches_save(&s->batches, s->data)) return false;
    if (s->program->one_at_a_time && !test_one_at_a_time(s, result)) return false;
    training_report_result(&s->report, result);
    return true;
}

static bool run(session *s) {
    const vkn_result opened = training_engine_open(&s->engine, s->options->device, s->rank == 0);
    if (opened != VKN_OK) {
        fail_alone(s, vkn_result_string(opened), vkn_error_message());
        return false;
    }
    training_result result = {0};
    bool ok = build(s);
    if (ok && s->rank == 0) {
        training_report_start(&s->report, &(training_report_info){.program = s->program,
                                                                  .options = s->options,
                                                                  .data = s->data,
                                                                  .device = &s->engine.device->info,
                                                                  .ranks = s->ranks});
    }
    if (ok) ok = train(s, &result);
    if (!nn_ok(s->engine.device)) fail_alone(s, "", nn_message(s->engine.device));
    return ok;
}

static void close_session(session *s) {
    training_trainer_destroy(s->trainer);
    nn_ranks_destroy(s->others);
    nn_optimizer_destroy(s->optimizer);
    nn_module_destroy(s->network);
    training_engine_close(&s->engine);
    training_data_destroy(s->data);
    training_batches_free(&s->batches);
    free(s->options);
}

// Everything that fails the same way on all ranks, where all see the same files.
static int prepare(session *s, int argc, char **argv) {
    if (!training_options_parse(&s->program->command, s->options, argc, argv)) return MISTAKE;
    if (s->options->help) return DONE;
    if (s->program->check && !s->program->check(s->options)) return MISTAKE;
    s->random.state = s->options->seed;
    s->batches.path = s->options->save_batches;
    if (!load_data(s)) return FAILED;
    return s->rank > 0 || training_report_open(&s->report, s->options) ? DONE : FAILED;
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

int training_session_run(const training_program *program, int argc, char **argv, const training_team *team) {
    session s = {.program = program, .team = team, .ranks = 1, .options = malloc(program->command.bytes)};
    training_name(program->command.name);
    if (team) team->communicator->place(team->communicator->user, &s.rank, &s.ranks);
    if (!s.options) {
        fail_alone(&s, "", "out of memory");
        return FAILED;
    }
    int status = prepare_in_turn(&s, argc, argv);
    const bool help = status == DONE && s.options->help;
    if (help && s.rank == 0) training_options_usage(&program->command, argv[0]);
    if (status == DONE && !help && !run(&s)) status = FAILED;
    if (s.rank == 0 && status != MISTAKE && !training_report_close(&s.report)) status = FAILED;
    close_session(&s);
    return status;
}
