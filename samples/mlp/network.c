// SPDX-License-Identifier: MIT
#include "network.h"

#include "activation.h"
#include "csv.h"
#include "dropout.h"
#include "linear.h"
#include "norm.h"
#include "sequential.h"

typedef struct mlp_options {
    training_options common;
    double dropout;
} mlp_options;

static const training_choice norms[] = {{"batch", VKN_BATCH}, {"layer", VKN_LAYER}, {"group", VKN_GROUP},
                                        {"rms", VKN_RMS},     {"none", 0},          {0}};

static const uint32_t GROUPS = 8; // of group norm: divides both widths
static const uint32_t WIDTHS[] = {64, 32};

static training_data *load(const training_options *options, nn_random *random) {
    training_table table;
    training_record record;
    if (!training_csv_read(options->data, 2, &table, &record)) return NULL;
    record.binary = true;
    training_records *records = training_records_split(&record, &table, random);
    return records ? &records->data : NULL;
}

static nn_module *create_network(nn_device *device, const training_options *options, const training_data *data,
                                 nn_random *random) {
    const vkn_kind kind = (vkn_kind)options->norm->value;
    const double dropout = ((const mlp_options *)options)->dropout;
    nn_module *network = nn_sequential_create(device);
    uint32_t width = training_record_features(&((const training_records *)data)->record);
    for (int i = 0; i < 2; i++) {
        nn_sequential_add(network, nn_linear_create(device, width, WIDTHS[i], random));
        width = WIDTHS[i];
        if (kind) {
            vkn_layer_info info = vkn_layer_defaults(kind, width);
            if (kind == VKN_GROUP) info.norm.groups = GROUPS;
            nn_sequential_add(network, nn_norm_create(device, &info));
        }
        nn_sequential_add(network, nn_relu_create(device));
        if (dropout > 0) nn_sequential_add(network, nn_dropout_create(device, dropout, random));
    }
    nn_sequential_add(network, nn_linear_create(device, width, 1, random));
    if (nn_ok(device)) return network;
    nn_module_destroy(network);
    return NULL;
}

static const mlp_options defaults = {
    .common = {.norm = norms, .epochs = 60, .batch_size = 64, .lr = 5e-4, .data = MLP_DATA_FILE}};

static const training_option own[] = {{"--dropout", "P", "chance that dropout behind each ReLU takes a value",
                                       offsetof(mlp_options, dropout), &training_fraction, NULL},
                                      {0}};

const training_program mlp_program = {
    .command = {.name = "mlp",
                .about = "Trains Linear(30, 64) - norm - ReLU - Linear(64, 32) - norm - ReLU - Linear(32, 1) on a\n"
                         "Vulkan device to tell malignant tumours from benign ones, and prints the accuracy on\n"
                         "records it has not seen.\n",
                .data = "records: a header line, then features and a last column of 0 or 1",
                .norms = norms,
                .options = own,
                .defaults = &defaults.common,
                .bytes = sizeof defaults},
    .load = load,
    .network = create_network,
    .loss = nn_bce_with_logits,
    .one_at_a_time = true,
};
