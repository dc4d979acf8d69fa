// SPDX-License-Identifier: MIT
// Fine-tuning with batch norm: a network learns the digits 0 to 4, is saved and loaded, and gets a new head for 5 to 9;
// with its batch norms frozen, and with the mistake of leaving them in train mode.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "digits.h"
#include "engine.h"
#include "figures.h"
#include "say.h"
#include "transfer.h"
#include "weights.h"

enum { OLD, NEW, TASKS, CLASSES = 5, SIDE = 8, FIRST_BATCH = 16, COLUMNS = 4 };

typedef struct finetune_options {
    training_options common;
    const char *weights;
    double ink;
} finetune_options;

static const training_option own[] = {{"--weights", "FILE",
                                       "where the network is saved that 0 to 4 have trained, and loaded from",
                                       offsetof(finetune_options, weights), &training_text, NULL},
                                      {"--ink", "SHARE", "of the ink of the digits 5 to 9: 1 is as much as 0 to 4 have",
                                       offsetof(finetune_options, ink), &training_rate, NULL},
                                      {0}};
static const char *const without[] = {"--norm", "--csv", TRAINING_FILES_OF_ONE, NULL};
static const finetune_options defaults = {
    .common = {.epochs = 6, .batch_size = 16, .lr = 1e-3, .data = FINETUNE_DATA_FILE},
    .weights = "finetune.safetensors",
    .ink = 0.25};
static const training_command command = {
    .name = "finetune",
    .about =
        "Trains a convolutional network with batch norm on the handwritten digits 0 to 4, saves it, loads it, and\n"
        "trains a new head on the digits 5 to 9, in thinner ink: once with the batch norms frozen, and once with the\n"
        "mistake of leaving them in train mode. Then puts the old head back, and tests what is left of 0 to 4.\n",
    .data = "digits: a header line, then 64 pixels from 0 to 16 and the digit",
    .without = without,
    .options = own,
    .defaults = &defaults.common,
    .bytes = sizeof defaults};

typedef struct session {
    transfer t;
    const char *weights;
    training_records *data[TASKS];
    nn_module *old;
} session;

static double largest_difference(const float *a, const float *b, size_t count) {
    double largest = 0;
    for (size_t i = 0; a && b && i < count; i++)
        largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
    return largest;
}

// A new head on the saved backbone, then the old one again. Fills a row of figures. False after a failure.
static bool retrain(session *s, bool freeze, double values[COLUMNS]) {
    nn_device *device = s->t.device;
    nn_module *network = transfer_network(&s->t, &s->data[NEW]->record);
    if (!network) return false;
    const transfer_head head = transfer_find_head(network);
    size_t count = 0;
    nn_weights_load(network, s->weights, head.prefix);
    if (freeze) transfer_freeze_backbone(network);
    float *before = transfer_running_means(network, &count);
    transfer_train(&s->t, network, head.module, s->data[NEW], s->t.options->batch_size);
    float *after = transfer_running_means(network, &count);
    const training_score with_new = transfer_test(&s->t, network, s->data[NEW]);
    transfer_put_head(network, s->old);
    const training_score with_old = transfer_test(&s->t, network, s->data[OLD]);
    values[0] = with_new.accuracy;
    values[1] = with_old.accuracy;
    values[2] = with_old.loss;
    values[3] = largest_difference(before, after, count);
    free(before);
    free(after);
    nn_module_destroy(network);
    return nn_ok(device);
}

static bool run(session *s, bool json) {
    training_figures table = {
        .name = "finetune",
        .title = "A new head for the digits 5 to 9 in thinner ink, on a network that 0 to 4 have trained",
        .label = "batch norms",
        .columns = {"accuracy on 5-9", "accuracy on 0-4, old head", "its loss", "running means moved"},
        .formats = {"%.3f", "%.3f", "%.4f", "%.3f"}};
    s->old = transfer_network(&s->t, &s->data[OLD]->record);
    if (!s->old) return false;
    transfer_train(&s->t, s->old, s->old, s->data[OLD], FIRST_BATCH);
    const training_score first = transfer_test(&s->t, s->old, s->data[OLD]);
    double values[COLUMNS] = {NAN, first.accuracy, first.loss, NAN}, frozen = 0;
    nn_weights_save(s->old, s->weights);
    bool ok = nn_ok(s->t.device) && training_figures_add(&table, values, "before");
    for (int freeze = 1; ok && freeze >= 0; freeze--) {
        ok = retrain(s, freeze, values) &&
             training_figures_add(&table, values, freeze ? "frozen" : "in train mode: a mistake");
        if (freeze) frozen = values[0];
    }
    snprintf(table.remark, sizeof table.remark,
             "Either way only the head was trained; but in train mode the norms' running statistics follow the new\n"
             "digits, and the backbone is no longer the one that 0 to 4 have trained.");
    if (ok) ok = training_figures_publish(&table, 1, json);
    if (ok && !json) printf("test accuracy %.3f\n", frozen);
    training_figures_free(&table);
    nn_module_destroy(s->old);
    return ok && training_flush();
}

// Pixels are -1 where there is no ink.
static void thin_ink(training_records *records, double ink) {
    const size_t features = training_record_features(&records->record);
    for (int split = 0; split < TRAINING_SPLIT_COUNT; split++) {
        const training_table *table = &records->host[split];
        for (size_t i = 0; i < table->count * features; i++)
            table->features[i] = (float)(((double)table->features[i] + 1) * ink - 1);
    }
}

static bool load_data(session *s, double ink) {
    const training_options *options = s->t.options;
    nn_random random = {options->seed};
    for (uint32_t task = 0; task < TASKS; task++) {
        const training_digits_info info = {
            .path = options->data, .size = SIDE, .channels = 1, .first = task * CLASSES, .classes = CLASSES};
        s->data[task] = training_digits_load(&info, &random);
        const uint32_t batch_size = task == OLD ? FIRST_BATCH : options->batch_size;
        if (!s->data[task] || !training_data_fits(&s->data[task]->data, batch_size)) return false;
    }
    thin_ink(s->data[NEW], ink);
    return true;
}

int main(int argc, char **argv) {
    finetune_options options;
    const int code = training_options_begin(&command, &options.common, argc, argv);
    if (code >= 0) return code;
    session s = {.t = {.options = &options.common}, .weights = options.weights};
    training_engine engine = {0};
    bool ok = load_data(&s, options.ink) && training_engine_open_or_say(&engine, options.common.device);
    if (ok) {
        s.t.device = engine.device;
        ok = run(&s, options.common.json);
        if (!nn_ok(engine.device)) training_say("%s", nn_message(engine.device));
    }
    training_engine_close(&engine);
    for (int task = 0; task < TASKS; task++) {
        if (s.data[task]) training_data_destroy(&s.data[task]->data);
    }
    return ok ? 0 : 1;
}
