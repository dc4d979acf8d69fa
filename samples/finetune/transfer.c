// SPDX-License-Identifier: MIT
#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loss.h"
#include "network.h"
#include "optimizer.h"

nn_module *transfer_network(const transfer *t, const training_record *record) {
    const cnn_network_info info = {.model = &cnn_simple,
                                   .norm = VKN_BATCH,
                                   .channels = record->shape[0],
                                   .size = record->shape[1],
                                   .classes = record->classes};
    return cnn_network_create(t->device, &info, &(nn_random){t->options->seed});
}

static void take_child(void *user, const char *name, nn_module *child) {
    transfer_head *last = user;
    snprintf(last->prefix, sizeof last->prefix, "%s.", name);
    last->module = child;
}

transfer_head transfer_find_head(nn_module *network) {
    transfer_head head = {"", NULL};
    nn_module_children(network, take_child, &head);
    return head;
}

static void freeze_child(void *user, const char *name, nn_module *child) {
    const transfer_head *head = user;
    (void)name;
    if (child != head->module) nn_module_freeze(child, true);
}

void transfer_freeze_backbone(nn_module *network) {
    transfer_head head = transfer_find_head(network);
    nn_module_children(network, freeze_child, &head);
}

enum { HEAD_TENSORS = 2 };
typedef struct tensor_list {
    vkn_tensor tensors[HEAD_TENSORS];
    size_t count;
} tensor_list;

static void add_tensor(void *user, const char *name, const nn_parameter *parameter) {
    tensor_list *list = user;
    (void)name;
    if (list->count < HEAD_TENSORS) list->tensors[list->count++] = parameter->value;
}

void transfer_put_head(nn_module *network, nn_module *from) {
    tensor_list to = {.count = 0}, taken = {.count = 0};
    nn_module_state(transfer_find_head(network).module, add_tensor, &to);
    nn_module_state(transfer_find_head(from).module, add_tensor, &taken);
    nn_begin(network->device);
    for (size_t i = 0; i < HEAD_TENSORS; i++)
        nn_copy(network->device, &taken.tensors[i], &to.tensors[i]);
    nn_submit(network->device);
}

void transfer_train(const transfer *t, nn_module *network, nn_module *part, training_records *records,
                    uint32_t batch_size) {
    nn_adam_info info = nn_adam_defaults();
    info.lr = t->options->lr;
    nn_random random = {t->options->seed};
    nn_optimizer *adam = nn_adam_create(part, &info);
    training_trainer *trainer = NULL;
    if (adam) {
        trainer = training_trainer_create(&(training_trainer_info){.device = t->device,
                                                                   .network = network,
                                                                   .optimizer = adam,
                                                                   .loss = nn_cross_entropy,
                                                                   .data = &records->data,
                                                                   .random = &random,
                                                                   .batch_size = batch_size});
    }
    for (uint32_t epoch = 0; trainer && epoch < t->options->epochs; epoch++)
        training_trainer_epoch(trainer);
    training_trainer_destroy(trainer);
    nn_optimizer_destroy(adam);
}

training_score transfer_test(const transfer *t, nn_module *network, training_records *records) {
    const uint32_t count = records->data.counts[TRAINING_TEST];
    training_score score = {0, 0};
    training_trainer *trainer = training_trainer_create(&(training_trainer_info){.device = t->device,
                                                                                 .network = network,
                                                                                 .loss = nn_cross_entropy,
                                                                                 .data = &records->data,
                                                                                 .batch_size = count});
    if (trainer) score = training_trainer_test(trainer, count);
    training_trainer_destroy(trainer);
    return score;
}

typedef struct means {
    nn_device *device;
    float *values;
    size_t count;
} means;

// A norm's tensors lie in the library's buffers: a copy can be read.
static void read_mean(void *user, const char *name, const nn_parameter *parameter) {
    static const char end[] = ".running_mean";
    means *m = user;
    const size_t length = strlen(name), count = vkn_tensor_count(&parameter->value);
    if (!nn_ok(m->device) || length < strlen(end) || strcmp(&name[length - strlen(end)], end) != 0) return;
    float *values = realloc(m->values, (m->count + count) * sizeof *values);
    if (!values) {
        nn_fail(m->device, VKN_OUT_OF_MEMORY, "no memory for %zu running means", m->count + count);
        return;
    }
    nn_begin(m->device);
    const vkn_tensor copy = nn_tensor_like(m->device, &parameter->value);
    nn_copy(m->device, &parameter->value, &copy);
    nn_submit(m->device);
    nn_download(m->device, &copy, &values[m->count]);
    m->values = values;
    m->count += count;
}

float *transfer_running_means(nn_module *network, size_t *count) {
    means m = {.device = network->device};
    nn_module_state(network, read_mean, &m);
    *count = m.count;
    if (nn_ok(m.device)) return m.values;
    free(m.values);
    return NULL;
}
