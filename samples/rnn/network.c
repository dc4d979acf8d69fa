// SPDX-License-Identifier: MIT
#include "network.h"

#include "digits.h"
#include "last_step.h"
#include "linear.h"
#include "lstm.h"
#include "norm.h"
#include "sequential.h"

static const training_choice norms[] = {{"layer", VKN_LAYER}, {"rms", VKN_RMS}, {"none", 0}, {0}};

static const uint32_t SIDE = 8, HIDDEN = 64;

static training_data *load(const training_options *options, nn_random *random) {
    const training_digits_info info = {.path = options->data, .size = SIDE};
    training_records *records = training_digits_load(&info, random);
    return records ? &records->data : NULL;
}

static nn_module *create_network(nn_device *device, const training_options *options, const training_data *data,
                                 nn_random *random) {
    const vkn_kind kind = (vkn_kind)options->norm->value;
    nn_module *network = nn_sequential_create(device);
    nn_sequential_add(network, nn_lstm_create(device, SIDE, HIDDEN, random));
    if (kind) {
        const vkn_layer_info info = vkn_layer_defaults(kind, HIDDEN);
        nn_sequential_add(network, nn_norm_create(device, &info));
    }
    nn_sequential_add(network, nn_last_step_create(device));
    const uint32_t classes = ((const training_records *)data)->record.classes;
    nn_sequential_add(network, nn_linear_create(device, HIDDEN, classes, random));
    if (nn_ok(device)) return network;
    nn_module_destroy(network);
    return NULL;
}

static const training_options defaults = {
    .norm = norms, .epochs = 20, .batch_size = 64, .lr = 3e-3, .data = RNN_DATA_FILE};

const training_program rnn_program = {
    .command = {.name = "rnn",
                .about =
                    "Trains LSTM(8, 64) - norm over the outputs of its steps - the last one - Linear(64, 10) on a\n"
                    "Vulkan device to read handwritten digits row by row, 8 steps of 8 pixels, and prints the\n"
                    "accuracy on digits it has not seen.\n",
                .data = "digits: a header line, then 64 pixels from 0 to 16 and the digit",
                .norms = norms,
                .defaults = &defaults,
                .bytes = sizeof defaults},
    .load = load,
    .network = create_network,
    .loss = nn_cross_entropy,
};
