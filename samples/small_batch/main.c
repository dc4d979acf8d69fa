// SPDX-License-Identifier: MIT
// The same network with batch, group, layer and instance norm at small batch sizes.
#include <math.h>
#include <stdio.h>

#include "digits.h"
#include "engine.h"
#include "figures.h"
#include "loss.h"
#include "network.h"
#include "norm.h"
#include "optimizer.h"
#include "options.h"
#include "say.h"
#include "trainer.h"

typedef struct small_batch_options {
    training_options common;
    uint32_t least;
} small_batch_options;

static const training_choice norms[] = {
    {"batch", VKN_BATCH}, {"group", VKN_GROUP}, {"layer", VKN_LAYER}, {"instance", VKN_INSTANCE}};
enum { NORM_COUNT = sizeof norms / sizeof norms[0], SIDE = 8, CLASSES = 10, CHANNELS = 16, TEST_BATCH = 256 };
static const uint32_t batch_sizes[] = {1, 2, 4, 16, 64};
enum { SIZE_COUNT = sizeof batch_sizes / sizeof batch_sizes[0] };

// The norms see 8 x 8, 4 x 4 and 2 x 2 values of each channel and record.
static const cnn_model model = {.stages = 3, .channels = {CHANNELS, CHANNELS, CHANNELS}};

static const char *const without[] = {"--norm", "--batch-size", "--csv", TRAINING_FILES_OF_ONE, NULL};
static const training_option own[] = {
    {"--least", "N", "smallest batch size", offsetof(small_batch_options, least), &training_count, NULL}, {0}};
static const small_batch_options defaults = {
    .common = {.epochs = 4, .batch_size = 64, .lr = 0.1, .data = SMALL_BATCH_DATA_FILE}, .least = 1};
static const training_command command = {
    .name = "small_batch",
    .about = "Trains three times Conv 3x3 to 16 channels - norm - ReLU - MaxPool, then Linear, on handwritten digits,\n"
             "with four norms and batches of 1 to 64, and prints the accuracy of each. By gradient descent with\n"
             "momentum 0.9; --lr is for batches of 64, and smaller ones take as much less.\n",
    .data = "digits: a header line, then 64 pixels from 0 to 16 and the digit",
    .without = without,
    .options = own,
    .defaults = &defaults.common,
    .bytes = sizeof defaults};

typedef struct study {
    const small_batch_options *options;
    nn_device *device;
    training_records *data;
} study;

// One training. The start, and the order of the records, are those of the seed.
static double train(const study *s, vkn_kind norm, uint32_t batch_size) {
    const training_options *options = &s->options->common;
    nn_random random = {options->seed};
    const cnn_network_info info = {.model = &model, .norm = norm, .channels = 1, .size = SIDE, .classes = CLASSES};
    nn_module *network = cnn_network_create(s->device, &info, &random);
    const double lr = options->lr * batch_size / options->batch_size;
    nn_optimizer *sgd = network ? nn_sgd_create(network, &(nn_sgd_info){.lr = lr, .momentum = 0.9}) : NULL;
    training_trainer *trainer = sgd ? training_trainer_create(&(training_trainer_info){.device = s->device,
                                                                                       .network = network,
                                                                                       .optimizer = sgd,
                                                                                       .loss = nn_cross_entropy,
                                                                                       .data = &s->data->data,
                                                                                       .random = &random,
                                                                                       .batch_size = batch_size})
                                    : NULL;
    for (uint32_t epoch = 0; trainer && epoch < options->epochs; epoch++)
        training_trainer_epoch(trainer);
    const double accuracy = trainer ? training_trainer_test(trainer, TEST_BATCH).accuracy : NAN;
    training_trainer_destroy(trainer);
    nn_optimizer_destroy(sgd);
    nn_module_destroy(network);
    return accuracy;
}

// What batch norm says of one row: there is one value of each channel.
static bool ask_of_one_row(nn_device *device, char *text, size_t size) {
    const vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, CHANNELS);
    nn_module *norm = nn_norm_create(device, &info);
    nn_begin(device);
    const vkn_tensor x = nn_matrix(device, NN_STEP, 1, CHANNELS);
    if (norm) nn_module_forward(norm, x);
    const bool refused = device->result == VKN_BAD_ARGUMENT;
    snprintf(text, size, "Where a channel has one value, batch norm refuses: \"%s\"", nn_message(device));
    if (refused) nn_clear(device);
    nn_module_destroy(norm);
    return refused;
}

static bool fill_table(const study *s, training_figures *table, double *last) {
    for (int i = 0; i < SIZE_COUNT; i++) {
        if (batch_sizes[i] < s->options->least) continue;
        double values[NORM_COUNT];
        for (int n = 0; n < NORM_COUNT; n++) {
            values[n] = train(s, (vkn_kind)norms[n].value, batch_sizes[i]);
            if (!nn_ok(s->device)) return false;
        }
        *last = values[0];
        if (!training_figures_add(table, values, "%u", batch_sizes[i])) return false;
    }
    return ask_of_one_row(s->device, table->remark, sizeof table->remark);
}

static bool run(const study *s) {
    training_figures table = {.name = "small_batch",
                              .title = "Test accuracy",
                              .label = "batch size",
                              .columns = {norms[0].name, norms[1].name, norms[2].name, norms[3].name},
                              .formats = {"%.3f", "%.3f", "%.3f", "%.3f"}};
    double last = NAN;
    bool ok = fill_table(s, &table, &last);
    if (!nn_ok(s->device)) training_say("%s", nn_message(s->device));
    if (ok) ok = training_figures_publish(&table, 1, s->options->common.json);
    if (ok && !s->options->common.json) printf("test accuracy %.3f\n", last);
    training_figures_free(&table);
    return ok && training_flush();
}

int main(int argc, char **argv) {
    small_batch_options options;
    const int code = training_options_begin(&command, &options.common, argc, argv);
    if (code >= 0) return code;
    if (options.least > batch_sizes[SIZE_COUNT - 1]) {
        training_say("--least: %u, but the largest batch size is %u", options.least, batch_sizes[SIZE_COUNT - 1]);
        return 2;
    }
    nn_random random = {options.common.seed};
    training_records *data = training_digits_load(
        &(training_digits_info){.path = options.common.data, .size = SIDE, .channels = 1}, &random);
    if (!data) return 1;
    training_engine engine = {0};
    bool ok = training_data_fits(&data->data, options.common.batch_size) &&
              training_engine_open_or_say(&engine, options.common.device);
    if (ok) ok = run(&(study){&options, engine.device, data});
    training_engine_close(&engine);
    training_data_destroy(&data->data);
    return ok ? 0 : 1;
}
