// SPDX-License-Identifier: MIT
#include "network.h"

#include "activation.h"
#include "conv.h"
#include "dropout.h"
#include "linear.h"
#include "norm.h"
#include "pool.h"
#include "sequential.h"

const cnn_model cnn_simple = {.stages = 2, .channels = {16, 16}, .one_pool = true};
const cnn_model cnn_sequential = {.stages = 2, .channels = {64, 128}, .hidden = 512};
const cnn_model cnn_cifar10 = {.stages = 3, .channels = {32, 64, 128}, .hidden = 512, .dropout = true};

enum { GROUPS = 4, IMAGE_RANK = 3 };

// Behind the norm, or what has none, of images of size x size with so many channels, or of rows (size 0).
static void add_norm(nn_module *network, vkn_kind kind, uint32_t channels, uint32_t size) {
    if (kind && (kind != VKN_INSTANCE || size > 0)) {
        const bool all = kind == VKN_LAYER || kind == VKN_RMS;
        vkn_layer_info info = vkn_layer_defaults(kind, all && size > 0 ? channels * size * size : channels);
        if (all && size > 0) info.norm.normalized_rank = IMAGE_RANK;
        if (kind == VKN_GROUP) info.norm.groups = GROUPS;
        nn_sequential_add(network, nn_norm_create(network->device, &info));
    }
    nn_sequential_add(network, nn_relu_create(network->device));
}

nn_module *cnn_network_create(nn_device *device, const cnn_network_info *info, nn_random *random) {
    const cnn_model *model = info->model;
    const bool bias = info->norm != VKN_BATCH && info->norm != VKN_INSTANCE;
    nn_module *network = nn_sequential_create(device);
    if (!network) return NULL;
    uint32_t channels = info->channels, size = info->size;
    for (uint32_t i = 0; i < model->stages; i++) {
        const nn_conv2d_info conv = {channels, model->channels[i], {3, 3}, {1, 1}, {1, 1}, bias};
        nn_sequential_add(network, nn_conv2d_create(device, &conv, random));
        channels = model->channels[i];
        add_norm(network, info->norm, channels, size);
        if (model->one_pool && i + 1 < model->stages) continue;
        nn_sequential_add(network, nn_max_pool2d_create(device, &(nn_max_pool2d_info){{2, 2}, {2, 2}, {0, 0}}));
        size /= 2;
    }
    nn_sequential_add(network, nn_flatten_create(device));
    uint32_t features = channels * size * size;
    if (model->hidden > 0) {
        nn_sequential_add(network, nn_linear_create(device, features, model->hidden, random));
        features = model->hidden;
        add_norm(network, info->norm, features, 0);
        if (model->dropout) nn_sequential_add(network, nn_dropout_create(device, info->dropout, random));
    }
    nn_sequential_add(network, nn_linear_create(device, features, info->classes, random));
    if (nn_ok(device)) return network;
    nn_module_destroy(network);
    return NULL;
}
