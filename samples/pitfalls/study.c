// SPDX-License-Identifier: MIT
#include "study.h"

#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "linear.h"
#include "norm.h"
#include "sequential.h"

nn_module *study_network(study *s) {
    nn_random random = {s->options->seed};
    const uint32_t pixels = training_record_features(&s->data->record);
    const vkn_layer_info norm = vkn_layer_defaults(VKN_BATCH, STUDY_HIDDEN);
    nn_module *network = nn_sequential_create(s->device);
    nn_sequential_add(network, nn_linear_create(s->device, pixels, STUDY_HIDDEN, &random));
    nn_sequential_add(network, nn_norm_create(s->device, &norm));
    nn_sequential_add(network, nn_relu_create(s->device));
    nn_sequential_add(network, nn_linear_create(s->device, STUDY_HIDDEN, STUDY_CLASSES, &random));
    if (nn_ok(s->device)) return network;
    nn_module_destroy(network);
    return NULL;
}

nn_optimizer *study_adam(study *s, nn_module *network) {
    nn_adam_info info = nn_adam_defaults();
    info.lr = s->options->lr;
    return network ? nn_adam_create(network, &info) : NULL;
}

bool study_train(study *s, nn_module *network, nn_optimizer *optimizer, bool eval, study_visit visit, void *user) {
    nn_random random = {s->options->seed};
    if (!network || !optimizer) return false;
    training_trainer *trainer = training_trainer_create(&(training_trainer_info){.device = s->device,
                                                                                 .network = network,
                                                                                 .optimizer = optimizer,
                                                                                 .loss = nn_cross_entropy,
                                                                                 .data = &s->data->data,
                                                                                 .random = &random,
                                                                                 .batch_size = s->options->batch_size,
                                                                                 .in_eval_mode = eval});
    bool ok = trainer != NULL;
    for (uint32_t epoch = 1; ok && epoch <= s->options->epochs; epoch++) {
        const double loss = training_trainer_epoch(trainer);
        const training_score test = training_trainer_test(trainer, s->data->data.counts[TRAINING_TEST]);
        ok = nn_ok(s->device) && (!visit || visit(user, epoch, loss, test));
    }
    training_trainer_destroy(trainer);
    return ok;
}

float *study_logits(study *s, nn_module *network, const int64_t *order, uint32_t count, uint32_t batch) {
    nn_device *device = s->device;
    float *logits = malloc((size_t)count * STUDY_CLASSES * sizeof *logits);
    int64_t *numbers = malloc(count * sizeof *numbers);
    if (!logits || !numbers) nn_fail(device, VKN_OUT_OF_MEMORY, "no memory for the logits of %u records", count);
    for (uint32_t i = 0; numbers && i < count; i++)
        numbers[i] = order ? order[i] : i;
    const vkn_tensor all = nn_vector(device, NN_FOREVER, VKN_I64, count);
    nn_upload(device, &all, numbers);
    for (uint32_t first = 0; nn_ok(device) && first < count; first += batch) {
        nn_begin(device);
        const vkn_tensor index = nn_rows(device, &all, first, batch < count - first ? batch : count - first);
        const training_batch drawn = s->data->data.ops->draw(&s->data->data, device, TRAINING_TEST, &index);
        const vkn_tensor y = nn_module_forward(network, drawn.x);
        nn_submit(device);
        nn_download(device, &y, logits + (size_t)first * STUDY_CLASSES);
    }
    free(numbers);
    if (nn_ok(device)) return logits;
    free(logits);
    return NULL;
}

typedef struct search {
    const char *name;
    nn_parameter found;
} search;

static void look_at(void *user, const char *name, const nn_parameter *parameter) {
    search *s = user;
    if (strcmp(s->name, name) == 0) s->found = *parameter;
}

nn_parameter study_parameter(nn_module *network, const char *name) {
    search s = {.name = name};
    nn_module_state(network, look_at, &s);
    return s.found;
}
