// SPDX-License-Identifier: MIT
#include "network.h"

#include "activation.h"
#include "attention.h"
#include "dropout.h"
#include "embedding.h"
#include "linear.h"
#include "norm.h"
#include "residual.h"
#include "say.h"
#include "sequential.h"
#include "text.h"

typedef struct transformer_options {
    training_options common;
    uint32_t width, ffn, heads, blocks, context;
    double dropout;
} transformer_options;

static const training_choice norms[] = {{"layer", VKN_LAYER}, {"rms", VKN_RMS}, {"none", 0}, {0}};

static bool check(const training_options *options) {
    const transformer_options *own = (const transformer_options *)options;
    if (own->width % own->heads == 0) return true;
    training_say("--heads: %u do not divide --width %u", own->heads, own->width);
    return false;
}

static training_data *load(const training_options *options, nn_random *random) {
    (void)random; // the last part of a text is tested on, whatever the seed
    text *data = text_load(options->data, ((const transformer_options *)options)->context);
    return data ? &data->data : NULL;
}

static void add_norm(nn_module *sequential, nn_device *device, const transformer_options *options) {
    if (!options->common.norm->value) return;
    const vkn_layer_info info = vkn_layer_defaults((vkn_kind)options->common.norm->value, options->width);
    nn_sequential_add(sequential, nn_norm_create(device, &info));
}

// x + attention(norm(x))
static nn_module *create_mixer(nn_device *device, const transformer_options *options, nn_random *random) {
    nn_module *f = nn_sequential_create(device);
    add_norm(f, device, options);
    nn_sequential_add(f, nn_attention_create(device, options->width, options->heads, random));
    nn_sequential_add(f, nn_dropout_create(device, options->dropout, random));
    return nn_residual_create(device, f);
}

// x + FFN(norm(x))
static nn_module *create_feed_forward(nn_device *device, const transformer_options *options, nn_random *random) {
    nn_module *f = nn_sequential_create(device);
    add_norm(f, device, options);
    nn_sequential_add(f, nn_linear_create(device, options->width, options->ffn, random));
    nn_sequential_add(f, nn_gelu_create(device));
    nn_sequential_add(f, nn_linear_create(device, options->ffn, options->width, random));
    nn_sequential_add(f, nn_dropout_create(device, options->dropout, random));
    return nn_residual_create(device, f);
}

static nn_module *create_network(nn_device *device, const training_options *common, const training_data *data,
                                 nn_random *random) {
    const transformer_options *options = (const transformer_options *)common;
    const uint32_t characters = ((const text *)data)->characters;
    nn_module *network = nn_sequential_create(device);
    nn_sequential_add(network, nn_embedding_create(device, characters, options->width, random));
    nn_sequential_add(network, nn_positions_create(device, options->context, options->width, random));
    nn_sequential_add(network, nn_dropout_create(device, options->dropout, random));
    for (uint32_t i = 0; i < options->blocks; i++) {
        nn_sequential_add(network, create_mixer(device, options, random));
        nn_sequential_add(network, create_feed_forward(device, options, random));
    }
    add_norm(network, device, options);
    nn_sequential_add(network, nn_linear_create(device, options->width, characters, random));
    if (nn_ok(device)) return network;
    nn_module_destroy(network);
    return NULL;
}

static nn_optimizer *create_optimizer(nn_module *network, const training_options *options) {
    nn_adam_info info = nn_adam_defaults();
    info.lr = options->lr;
    info.weight_decay = 0.01; // torch.optim.AdamW's
    return nn_adam_create(network, &info);
}

static const transformer_options defaults = {
    .common = {.norm = norms, .epochs = 4, .batch_size = 16, .lr = 3e-3, .data = TRANSFORMER_DATA_FILE},
    .width = 64,
    .ffn = 256,
    .heads = 4,
    .blocks = 2,
    .context = 64};

static const training_option own[] = {
    {"--width", "N", "features of a position", offsetof(transformer_options, width), &training_count, NULL},
    {"--ffn", "N", "features between the two Linear of a block", offsetof(transformer_options, ffn), &training_count,
     NULL},
    {"--heads", "N", "heads of attention, which divide the width", offsetof(transformer_options, heads),
     &training_count, NULL},
    {"--blocks", "N", "blocks of attention and FFN", offsetof(transformer_options, blocks), &training_count, NULL},
    {"--context", "N", "characters that the network sees at once", offsetof(transformer_options, context),
     &training_count, NULL},
    {"--dropout", "P", "chance that dropout takes a value", offsetof(transformer_options, dropout), &training_fraction,
     NULL},
    {0}};

const training_program transformer_program = {
    .command = {.name = "transformer",
                .about =
                    "Trains a causal transformer of pre-norm blocks, x + attention(norm(x)) and x + FFN(norm(x)),\n"
                    "on a Vulkan device to guess the next character of a text, and prints the cross-entropy of\n"
                    "its guesses in the last tenth of the text, which it has not seen.\n",
                .data = "a text: any file of at least ten windows of the context and one character",
                .norms = norms,
                .options = own,
                .defaults = &defaults.common,
                .bytes = sizeof defaults},
    .check = check,
    .load = load,
    .network = create_network,
    .optimizer = create_optimizer,
    .loss = nn_cross_entropy,
    .outcome = TRAINING_VALIDATION_LOSS,
};
