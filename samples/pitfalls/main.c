// SPDX-License-Identifier: MIT
// The classic mistakes with batch norm, in numbers.
#include <stdio.h>

#include "digits.h"
#include "engine.h"
#include "say.h"
#include "study.h"

typedef struct pitfall {
    bool (*show)(study *, training_figures *);
    training_figures figures; // to begin with
} pitfall;

static const pitfall pitfalls[] = {
    {pitfall_train_mode,
     {.name = "train_mode",
      .title = "Evaluating in train mode",
      .label = "mode",
      .columns = {"test accuracy", "p of the first record's digit"},
      .formats = {"%.3f", "%.4f"}}},
    {pitfall_eval_mode,
     {.name = "eval_mode",
      .title = "Training in eval mode",
      .label = "epoch",
      .columns = {"loss, train()", "accuracy, train()", "loss, eval()", "accuracy, eval()"},
      .formats = {"%.4f", "%.3f", "%.4f", "%.3f"}}},
    {pitfall_batch_of_one,
     {.name = "batch_of_one",
      .title = "A batch of one record",
      .label = "mode",
      .columns = {"accuracy", "largest difference of a logit"},
      .formats = {"%.3f", "%.1e"}}},
    {pitfall_axis,
     {.name = "axis",
      .title = "The wrong axis of [B, T, D]: each feature's mean and variance behind the norm",
      .label = "feature",
      .columns = {"mean, D as channels", "variance", "mean, T as channels", "variance, T"},
      .formats = {"%.3f", "%.3f", "%.3f", "%.3f"}}},
    {pitfall_bias,
     {.name = "bias",
      .title = "A bias in front of the norm: root mean squares of gradient and movement",
      .label = "parameter",
      .columns = {"last gradient", "moved by SGD", "moved by Adam"},
      .formats = {"%.1e", "%.1e", "%.1e"}}},
};
enum { PITFALL_COUNT = sizeof pitfalls / sizeof pitfalls[0] };

static const char *const without[] = {"--norm", "--csv", TRAINING_FILES_OF_ONE, NULL};
static const training_options defaults = {.epochs = 10, .batch_size = 64, .lr = 1e-3, .data = PITFALLS_DATA_FILE};
static const training_command command = {
    .name = "pitfalls",
    .about =
        "Makes the classic mistakes with batch norm on handwritten digits, with Linear(64, 32) - batch norm - ReLU\n"
        "- Linear(32, 10), and prints what comes of each; in the end the accuracy without them.\n",
    .data = "digits: a header line, then 64 pixels from 0 to 16 and the digit",
    .without = without,
    .defaults = &defaults,
    .bytes = sizeof defaults};

static bool keep_accuracy(void *user, uint32_t epoch, double train_loss, training_score test) {
    (void)epoch;
    (void)train_loss;
    *(double *)user = test.accuracy;
    return true;
}

static bool show_all(study *s, training_figures *tables) {
    double accuracy = 0;
    s->trained = study_network(s);
    nn_optimizer *adam = study_adam(s, s->trained);
    bool ok = study_train(s, s->trained, adam, false, keep_accuracy, &accuracy);
    for (int i = 0; i < PITFALL_COUNT; i++) {
        tables[i] = pitfalls[i].figures;
        ok = ok && pitfalls[i].show(s, &tables[i]);
    }
    nn_optimizer_destroy(adam);
    nn_module_destroy(s->trained);
    if (!nn_ok(s->device)) training_say("%s", nn_message(s->device));
    if (ok) ok = training_figures_publish(tables, PITFALL_COUNT, s->options->json);
    if (ok && !s->options->json) printf("test accuracy %.3f\n", accuracy);
    return ok && training_flush();
}

int main(int argc, char **argv) {
    training_options options;
    const int code = training_options_begin(&command, &options, argc, argv);
    if (code >= 0) return code;
    nn_random random = {options.seed};
    training_records *data =
        training_digits_load(&(training_digits_info){.path = options.data, .size = STUDY_SIDE}, &random);
    if (!data) return 1;
    data->record = (training_record){.rank = 1, .shape = {STUDY_SIDE * STUDY_SIDE}, .classes = STUDY_CLASSES};
    training_engine engine = {0};
    training_figures tables[PITFALL_COUNT] = {0};
    const uint32_t tested = data->data.counts[TRAINING_TEST];
    if (tested < STUDY_LEAST) {
        training_say("--data: %u of the records are for the test, expected at least %d", tested, STUDY_LEAST);
    }
    bool ok = tested >= STUDY_LEAST && training_data_fits(&data->data, options.batch_size) &&
              training_engine_open_or_say(&engine, options.device);
    if (ok) ok = show_all(&(study){.options = &options, .device = engine.device, .data = data}, tables);
    for (int i = 0; i < PITFALL_COUNT; i++)
        training_figures_free(&tables[i]);
    training_engine_close(&engine);
    training_data_destroy(&data->data);
    return ok ? 0 : 1;
}
