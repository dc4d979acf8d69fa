// SPDX-License-Identifier: MIT
#include "cnn.h"

#include "cifar10.h"
#include "digits.h"
#include "network.h"

typedef struct cnn_options {
    training_options common;
    const training_choice *model;
    const char *cifar10;
    double dropout;
} cnn_options;

enum { CLASSES = 10 };

// The models, and which images of digits they are for.
static const struct {
    const cnn_model *model;
    uint32_t channels, size;
} models[] = {{&cnn_cifar10, 3, 32}, {&cnn_sequential, 3, 32}, {&cnn_simple, 1, 8}};
static const training_choice model_names[] = {{"cifar10", 0}, {"sequential", 1}, {"simple", 2}, {0}};

static const training_choice norms[] = {{"batch", VKN_BATCH},       {"layer", VKN_LAYER}, {"group", VKN_GROUP},
                                        {"instance", VKN_INSTANCE}, {"none", 0},          {0}};

static training_data *load(const training_options *options, nn_random *random) {
    const cnn_options *own = (const cnn_options *)options;
    const int model = own->model->value;
    training_records *records = own->cifar10
                                    ? cnn_cifar10_load(own->cifar10)
                                    : training_digits_load(&(training_digits_info){.path = options->data,
                                                                                   .size = models[model].size,
                                                                                   .channels = models[model].channels},
                                                           random);
    return records ? &records->data : NULL;
}

static nn_module *create_network(nn_device *device, const training_options *options, const training_data *data,
                                 nn_random *random) {
    const cnn_options *own = (const cnn_options *)options;
    const training_record *record = &((const training_records *)data)->record;
    return cnn_network_create(device,
                              &(cnn_network_info){.model = models[own->model->value].model,
                                                  .norm = (vkn_kind)options->norm->value,
                                                  .dropout = own->dropout,
                                                  .channels = record->shape[0],
                                                  .size = record->shape[1],
                                                  .classes = CLASSES},
                              random);
}

static const cnn_options defaults = {
    .common = {.norm = norms, .epochs = 3, .batch_size = 64, .lr = 1e-3, .data = CNN_DATA_FILE},
    .model = model_names,
    .dropout = 0.5};

static const training_option own_options[] = {
    {"--model", "MODEL", "network", offsetof(cnn_options, model), &training_one_of, model_names},
    {"--cifar10", "DIR", "images: the binary version of CIFAR-10, instead of digits", offsetof(cnn_options, cifar10),
     &training_text, NULL},
    {"--dropout", "P", "chance that the dropout of cifar10 takes a value", offsetof(cnn_options, dropout),
     &training_fraction, NULL},
    {0}};

const training_program cnn_program = {
    .command = {.name = "cnn",
                .about =
                    "Trains a convolutional network on a Vulkan device to tell digits, or what is on the images\n"
                    "of CIFAR-10, and prints the accuracy on images it has not seen. The models, with C(n) for\n"
                    "Conv 3x3 to n channels - norm - ReLU, and L(n) for Linear to n features - norm - ReLU:\n"
                    "  cifar10     C(32) - MaxPool - C(64) - MaxPool - C(128) - MaxPool - L(512) - Dropout - Linear\n"
                    "  sequential  C(64) - MaxPool - C(128) - MaxPool - L(512) - Linear\n"
                    "  simple      C(16) - C(16) - MaxPool - Linear\n",
                .data = "digits: a header line, then 64 pixels from 0 to 16 and the digit",
                .norms = norms,
                .options = own_options,
                .defaults = &defaults.common,
                .bytes = sizeof defaults},
    .load = load,
    .network = create_network,
    .loss = nn_cross_entropy,
};
