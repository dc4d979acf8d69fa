// SPDX-License-Identifier: MIT
#include "network.h"

#include <string.h>

#include "activation.h"
#include "linear.h"
#include "norm.h"
#include "sequential.h"

static const mlp_norm norms[] = {
    {"batch", VKN_BATCH}, {"layer", VKN_LAYER}, {"group", VKN_GROUP}, {"rms", VKN_RMS}, {"none", 0}};
enum { NORM_COUNT = sizeof norms / sizeof norms[0] };

static const uint32_t GROUPS = 8; // of group norm: divides both widths
static const uint32_t WIDTHS[] = {64, 32};

const mlp_norm *mlp_norm_find(const char *name) {
    for (int i = 0; i < NORM_COUNT; i++) {
        if (strcmp(norms[i].name, name) == 0) return &norms[i];
    }
    return NULL;
}

nn_module *mlp_network_create(nn_device *device, const mlp_norm *norm, uint32_t features, nn_random *random) {
    nn_module *network = nn_sequential_create(device);
    uint32_t width = features;
    for (int i = 0; i < 2; i++) {
        nn_sequential_add(network, nn_linear_create(device, width, WIDTHS[i], random));
        width = WIDTHS[i];
        if (norm->kind) {
            vkn_layer_info info = vkn_layer_defaults(norm->kind, width);
            if (norm->kind == VKN_GROUP) info.norm.groups = GROUPS;
            nn_sequential_add(network, nn_norm_create(device, &info));
        }
        nn_sequential_add(network, nn_relu_create(device));
    }
    nn_sequential_add(network, nn_linear_create(device, width, 1, random));
    if (nn_ok(device)) return network;
    nn_module_destroy(network);
    return NULL;
}
