// SPDX-License-Identifier: MIT
// Pitfalls of the mode: evaluating in train mode, training in eval mode, and a batch of one record.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study.h"

// How many of the records have their digit's logit as the first of the largest, and the probability that the first
// record of the test is given for its digit.
typedef struct verdict {
    double accuracy, probability;
} verdict;

static verdict judge(const study *s, const float *logits, const int64_t *order, uint32_t count) {
    const int64_t *labels = s->data->host[TRAINING_TEST].labels;
    verdict v = {0, NAN};
    for (uint32_t i = 0; i < count; i++) {
        const float *z = &logits[(size_t)i * STUDY_CLASSES];
        const int64_t record = order ? order[i] : i, label = labels[record];
        int best = 0;
        double sum = 0;
        for (int c = 0; c < STUDY_CLASSES; c++) {
            if (z[c] > z[best]) best = c;
            sum += exp((double)(z[c] - z[label]));
        }
        v.accuracy += best == label ? 1.0 / count : 0;
        if (record == 0) v.probability = 1 / sum;
    }
    return v;
}

// The numbers of the first `count` records, those of a digit together.
static int64_t *order_by_digit(const study *s, uint32_t count) {
    int64_t *order = malloc(count * sizeof *order);
    uint32_t at = 0;
    for (int64_t digit = 0; order && digit < STUDY_CLASSES; digit++) {
        for (uint32_t i = 0; i < count; i++) {
            if (s->data->host[TRAINING_TEST].labels[i] == digit) order[at++] = i;
        }
    }
    return order;
}

typedef struct reading {
    const char *label;
    bool training, by_digit;
    uint32_t batch; // 0: all records
} reading;

bool pitfall_train_mode(study *s, training_figures *out) {
    static const reading readings[] = {
        {"eval(), all at once", false, false, 0},   {"eval(), 2 at a time", false, false, 2},
        {"train(), all at once", true, false, 0},   {"train(), 16 at a time", true, false, 16},
        {"train(), 4 at a time", true, false, 4},   {"train(), 2 at a time", true, false, 2},
        {"train(), 16 of a digit", true, true, 16}, {"eval() after that", false, false, 0}};
    const uint32_t count = s->data->data.counts[TRAINING_TEST] / 16 * 16;
    int64_t *by_digit = order_by_digit(s, count);
    bool ok = by_digit != NULL;
    if (!ok) nn_fail(s->device, VKN_OUT_OF_MEMORY, "no memory for the order of %u records", count);
    for (size_t i = 0; ok && i < sizeof readings / sizeof readings[0]; i++) {
        const reading *r = &readings[i];
        const int64_t *order = r->by_digit ? by_digit : NULL;
        nn_module_train(s->trained, r->training);
        float *logits = study_logits(s, s->trained, order, count, r->batch ? r->batch : count);
        if (logits) {
            const verdict v = judge(s, logits, order, count);
            ok = training_figures_add(out, (const double[]){v.accuracy, v.probability}, "%s", r->label);
        } else {
            ok = false;
        }
        free(logits);
    }
    free(by_digit);
    snprintf(out->remark, sizeof out->remark, "%s",
             "In train mode a prediction depends on what else is in the batch, and each batch moves the running "
             "statistics, too.");
    return ok;
}

static bool keep_epoch(void *user, uint32_t epoch, double train_loss, training_score test) {
    double *row = (double *)user + 4 * (size_t)(epoch - 1);
    row[0] = train_loss;
    row[1] = test.accuracy;
    return true;
}

// The largest distance of a running variance from the 1 that it starts with.
static double largest_move(study *s, nn_module *network) {
    float values[STUDY_HIDDEN];
    const vkn_tensor copy = nn_vector(s->device, NN_FOREVER, VKN_F32, STUDY_HIDDEN);
    const vkn_tensor var = study_parameter(network, "1.running_var").value;
    nn_begin(s->device);
    nn_copy(s->device, &var, &copy);
    nn_submit(s->device);
    nn_download(s->device, &copy, values);
    double largest = 0;
    for (int c = 0; nn_ok(s->device) && c < STUDY_HIDDEN; c++)
        largest = fmax(largest, fabs((double)values[c] - 1));
    return largest;
}

bool pitfall_eval_mode(study *s, training_figures *out) {
    const uint32_t epochs = s->options->epochs;
    double *rows = calloc((size_t)epochs * 4, sizeof *rows), moves[2] = {0};
    bool ok = rows != NULL;
    if (!ok) nn_fail(s->device, VKN_OUT_OF_MEMORY, "no memory for %u epochs", epochs);
    for (int eval = 0; ok && eval < 2; eval++) {
        nn_module *network = study_network(s);
        nn_optimizer *adam = study_adam(s, network);
        ok = study_train(s, network, adam, eval, keep_epoch, rows + 2 * (size_t)eval);
        if (ok) moves[eval] = largest_move(s, network);
        nn_optimizer_destroy(adam);
        nn_module_destroy(network);
    }
    for (uint32_t epoch = 1; ok && epoch <= epochs; epoch++)
        ok = training_figures_add(out, rows + 4 * (size_t)(epoch - 1), "%u", epoch);
    free(rows);
    snprintf(out->remark, sizeof out->remark,
             "In eval mode nothing is normalized: the running variances, which start at 1, moved by up to %.3g with "
             "train(),\nand by %.3g with eval().",
             moves[0], moves[1]);
    return ok;
}

// One record of training is refused, in PyTorch's words; in eval it is as good as many.
bool pitfall_batch_of_one(study *s, training_figures *out) {
    enum { COUNT = STUDY_LEAST };
    static const uint32_t batches[] = {COUNT, 16, 1};
    nn_module_train(s->trained, false);
    float *whole = study_logits(s, s->trained, NULL, COUNT, COUNT);
    bool ok = whole != NULL;
    for (size_t i = 0; ok && i < sizeof batches / sizeof batches[0]; i++) {
        float *logits = study_logits(s, s->trained, NULL, COUNT, batches[i]);
        ok = logits != NULL;
        double largest = 0;
        for (size_t e = 0; ok && e < (size_t)COUNT * STUDY_CLASSES; e++)
            largest = fmax(largest, fabs((double)logits[e] - (double)whole[e]));
        if (ok) {
            const double values[] = {judge(s, logits, NULL, COUNT).accuracy, largest};
            ok = training_figures_add(out, values, "eval(), batches of %u", batches[i]);
        }
        free(logits);
    }
    free(whole);
    if (!ok) return false;
    nn_module_train(s->trained, true);
    free(study_logits(s, s->trained, NULL, 1, 1)); // fails
    snprintf(out->remark, sizeof out->remark, "train(), a batch of 1: \"%s\"", nn_message(s->device));
    nn_clear(s->device);
    return training_figures_add(out, (const double[]){NAN, NAN}, "train(), a batch of 1");
}
