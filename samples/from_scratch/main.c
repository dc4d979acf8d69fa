// SPDX-License-Identifier: MIT
// Batch norm written out on the CPU beside vkn_layer: what both give, step by step.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch_norm.h"
#include "csv.h"
#include "engine.h"
#include "figures.h"
#include "options.h"
#include "say.h"

enum { SHOWN = 8, LAYERS = 2 }; // SHOWN: rows of the table

// By hand, and two layers: with PyTorch's running variance, and with that of the CPU's.
typedef struct sides {
    nn_device *device;
    uint32_t features, batch_size;
    batch_norm hand;
    vkn_layer *layers[LAYERS];
    vkn_tensor x, y; // of one batch
    float *hand_y, *layer_y;
    float *statistics; // of `hand`: weight, bias, running mean and variance
    float *layer_statistic;
} sides;

static const char *const layer_names[LAYERS] = {"vkn_layer", "with biased_running_var"};

static const char *const without[] = {"--norm", "--lr", "--csv", TRAINING_FILES_OF_ONE, NULL};
static const training_options defaults = {.epochs = 4, .batch_size = 64, .data = FROM_SCRATCH_DATA_FILE};
static const training_command command = {
    .name = "from_scratch",
    .about =
        "Runs batch norm twice over the same batches of real records: in a few lines of C on the CPU, and as a\n"
        "vkn_layer on a Vulkan device. Prints outputs and running statistics side by side, and where they differ.\n",
    .data = "records: a header line, then features and a last column of 0 or 1",
    .without = without,
    .defaults = &defaults,
    .bytes = sizeof defaults};

static bool allocate(sides *s) {
    const size_t count = (size_t)s->features * s->batch_size;
    s->statistics = calloc(4 * (size_t)s->features, sizeof(float));
    s->layer_statistic = malloc(s->features * sizeof(float));
    s->hand_y = malloc(count * sizeof(float));
    s->layer_y = malloc(count * sizeof(float));
    if (s->statistics && s->layer_statistic && s->hand_y && s->layer_y) return true;
    nn_fail(s->device, VKN_OUT_OF_MEMORY, "no memory for %u features", s->features);
    return false;
}

static bool open_sides(sides *s, nn_device *device, uint32_t features, uint32_t batch_size) {
    *s = (sides){.device = device, .features = features, .batch_size = batch_size};
    if (!allocate(s)) return false;
    vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, features);
    s->hand = (batch_norm){features,
                           info.momentum,
                           info.norm.eps,
                           s->statistics,
                           s->statistics + features,
                           s->statistics + 2 * (size_t)features,
                           s->statistics + 3 * (size_t)features};
    for (uint32_t c = 0; c < features; c++)
        s->hand.weight[c] = s->hand.running_var[c] = 1;
    s->x = nn_matrix(device, NN_FOREVER, batch_size, features);
    s->y = nn_matrix(device, NN_FOREVER, batch_size, features);
    for (int i = 0; i < LAYERS && nn_ok(device); i++) {
        info.biased_running_var = i == 1;
        nn_check(device, vkn_layer_create(device->context, &info, &s->layers[i]));
    }
    return nn_ok(device);
}

static void close_sides(sides *s) {
    for (int i = 0; i < LAYERS; i++)
        vkn_layer_destroy(s->layers[i]);
    free(s->statistics);
    free(s->layer_statistic);
    free(s->hand_y);
    free(s->layer_y);
}

// The same batch through all sides. Sets the largest difference of each layer's output from that by hand.
static void run_batch(sides *s, bool training, const float *x, double differences[LAYERS]) {
    nn_device *device = s->device;
    batch_norm_forward(&s->hand, training, s->batch_size, x, s->hand_y);
    nn_upload(device, &s->x, x);
    for (int i = LAYERS; i-- > 0;) { // so that layer_y is the first one's in the end
        nn_begin(device);
        vkn_layer_train(s->layers[i], training);
        if (nn_ok(device)) nn_check(device, vkn_layer_forward(device->recorder, s->layers[i], &s->x, &s->y));
        nn_submit(device);
        nn_download(device, &s->y, s->layer_y);
        differences[i] = 0;
        for (size_t e = 0; nn_ok(device) && e < (size_t)s->batch_size * s->features; e++)
            differences[i] = fmax(differences[i], fabs((double)s->hand_y[e] - (double)s->layer_y[e]));
    }
}

// The largest relative difference of a layer's running statistic from that by hand; `first` gets the first feature's.
static double compare(sides *s, int layer, vkn_slot slot, const float *hand, float *first) {
    const size_t bytes = s->features * sizeof(float);
    double largest = 0;
    if (!nn_ok(s->device) ||
        !nn_check(s->device, vkn_layer_download(s->layers[layer], slot, s->layer_statistic, bytes)))
        return NAN;
    *first = s->layer_statistic[0];
    for (uint32_t c = 0; c < s->features; c++)
        largest = fmax(largest, fabs((double)s->layer_statistic[c] / (double)hand[c] - 1));
    return largest;
}

static bool add_step(sides *s, training_figures *steps, uint32_t step, double difference) {
    float mean = 0, var = 0;
    compare(s, 0, VKN_RUNNING_MEAN, s->hand.running_mean, &mean);
    compare(s, 0, VKN_RUNNING_VAR, s->hand.running_var, &var);
    const double values[] = {
        (double)s->hand_y[0], (double)s->layer_y[0],          difference, (double)s->hand.running_mean[0],
        (double)mean,         (double)s->hand.running_var[0], (double)var};
    return nn_ok(s->device) && training_figures_add(steps, values, "%u", step);
}

static bool add_differences(sides *s, training_figures *table, const double train[LAYERS], const double eval[LAYERS]) {
    for (int i = 0; i < LAYERS; i++) {
        float first;
        const double values[] = {train[i], compare(s, i, VKN_RUNNING_MEAN, s->hand.running_mean, &first),
                                 compare(s, i, VKN_RUNNING_VAR, s->hand.running_var, &first), eval[i]};
        if (!nn_ok(s->device) || !training_figures_add(table, values, "%s", layer_names[i])) return false;
    }
    snprintf(table->remark, sizeof table->remark,
             "The one difference: by hand the running variance follows the batch's biased variance; vkn_layer, as "
             "PyTorch,\nlets it follow the unbiased one, n / (n - 1) = %u/%u of it.",
             s->batch_size, s->batch_size - 1);
    return true;
}

// Epochs of batches in the order of the records, then the first batch once more in eval mode.
static bool run_steps(sides *s, const training_options *options, const training_table *records, training_figures *steps,
                      training_figures *differences) {
    const uint32_t batches = records->count / s->batch_size, total = batches * options->epochs;
    const uint32_t every = total > SHOWN ? total / SHOWN : 1;
    const size_t batch = (size_t)s->batch_size * s->features;
    double worst[LAYERS] = {0}, now[LAYERS], eval[LAYERS];
    for (uint32_t step = 1; step <= total; step++) {
        run_batch(s, true, &records->features[(step - 1) % batches * batch], now);
        for (int i = 0; i < LAYERS; i++)
            worst[i] = fmax(worst[i], now[i]);
        if ((step == 1 || step % every == 0) && !add_step(s, steps, step, now[0])) return false;
    }
    run_batch(s, false, records->features, eval);
    return add_differences(s, differences, worst, eval);
}

static bool run(const training_options *options, training_engine *engine, const training_records *data) {
    training_figures tables[] = {
        {.name = "steps",
         .title = "the first feature of a batch's first record, and its running statistics",
         .label = "step",
         .columns = {"y by hand", "y vkn_layer", "largest difference", "mean by hand", "mean vkn_layer", "var by hand",
                     "var vkn_layer"},
         .formats = {"%.6f", "%.6f", "%.1e", "%.6f", "%.6f", "%.6f", "%.6f"}},
        {.name = "differences",
         .title = "the largest differences from what is done by hand: outputs, running statistics (relative), eval",
         .label = "layer",
         .columns = {"y in training", "running_mean", "running_var", "y in eval"},
         .formats = {"%.1e", "%.1e", "%.1e", "%.1e"}}};
    sides s;
    const bool ok = open_sides(&s, engine->device, data->record.shape[0], options->batch_size) &&
                    run_steps(&s, options, &data->host[TRAINING_TRAIN], &tables[0], &tables[1]) &&
                    training_figures_publish(tables, 2, options->json);
    if (!nn_ok(engine->device)) training_say("%s", nn_message(engine->device));
    close_sides(&s);
    for (int i = 0; i < 2; i++)
        training_figures_free(&tables[i]);
    return ok;
}

int main(int argc, char **argv) {
    training_options options;
    const int code = training_options_begin(&command, &options, argc, argv);
    if (code >= 0) return code;
    nn_random random = {options.seed};
    training_table table;
    training_record record;
    if (!training_csv_read(options.data, 2, &table, &record)) return 1;
    training_records *data = training_records_split(&record, &table, &random);
    training_engine engine = {0};
    bool ok = data && training_data_fits(&data->data, options.batch_size);
    if (ok) ok = training_engine_open_or_say(&engine, options.device) && run(&options, &engine, data);
    training_engine_close(&engine);
    if (data) training_data_destroy(&data->data);
    return ok ? 0 : 1;
}
