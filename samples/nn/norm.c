// SPDX-License-Identifier: MIT
#include "norm.h"

#include <stdlib.h>

typedef struct norm {
    nn_module module;
    vkn_layer *layer;
    vkn_kind kind;
    vkn_tensor x; // of the last forward
} norm;

static vkn_tensor norm_forward(nn_module *module, vkn_tensor x) {
    norm *self = (norm *)module;
    nn_device *device = module->device;
    const vkn_tensor y = nn_tensor_like(device, &x);
    if (nn_ok(device)) nn_check(device, vkn_layer_forward(device->recorder, self->layer, &x, &y));
    nn_barrier(device);
    self->x = x;
    return y;
}

static vkn_tensor norm_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    norm *self = (norm *)module;
    nn_device *device = module->device;
    const vkn_tensor dx = needs_dx ? nn_tensor_like(device, &dy) : (vkn_tensor){0};
    if (nn_ok(device)) {
        nn_check(device, vkn_layer_backward(device->recorder, self->layer, &self->x, &dy, needs_dx ? &dx : NULL));
    }
    nn_barrier(device);
    return dx;
}

static void norm_state(nn_module *module, nn_parameter_visit visit, void *user) {
    static const struct {
        const char *name;
        vkn_slot value, grad; // VKN_SLOT_COUNT: none
    } slots[] = {{"weight", VKN_WEIGHT, VKN_WEIGHT_GRAD},
                 {"bias", VKN_BIAS, VKN_BIAS_GRAD},
                 {"running_mean", VKN_RUNNING_MEAN, VKN_SLOT_COUNT},
                 {"running_var", VKN_RUNNING_VAR, VKN_SLOT_COUNT},
                 {"num_batches_tracked", VKN_NUM_BATCHES_TRACKED, VKN_SLOT_COUNT}};
    const norm *self = (norm *)module;
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        nn_parameter parameter = {.value = vkn_layer_tensor(self->layer, slots[i].value)};
        if (!parameter.value.buffer) continue;
        if (slots[i].grad != VKN_SLOT_COUNT) parameter.grad = vkn_layer_tensor(self->layer, slots[i].grad);
        if (parameter.value.dtype == VKN_I64) parameter.value.rank = 0; // a number, of shape []
        visit(user, slots[i].name, &parameter);
    }
}

static void norm_train(nn_module *module, bool training) {
    vkn_layer_train(((norm *)module)->layer, training);
}

static void norm_freeze(nn_module *module, bool frozen) {
    vkn_layer_freeze(((norm *)module)->layer, frozen);
}

// The other kinds look at one sample at a time.
static void norm_synchronize(nn_module *module, const vkn_communicator *communicator) {
    const norm *self = (norm *)module;
    if (self->kind == VKN_BATCH) nn_check(module->device, vkn_layer_synchronize(self->layer, communicator));
}

static void norm_destroy(nn_module *module) {
    vkn_layer_destroy(((norm *)module)->layer);
    free(module);
}

static const nn_module_ops norm_ops = {.forward = norm_forward,
                                       .backward = norm_backward,
                                       .state = norm_state,
                                       .train = norm_train,
                                       .freeze = norm_freeze,
                                       .synchronize = norm_synchronize,
                                       .destroy = norm_destroy};

nn_module *nn_norm_create(nn_device *device, const vkn_layer_info *info) {
    norm *self = nn_module_allocate(device, &norm_ops, sizeof *self);
    if (!self) return NULL;
    self->kind = info->norm.kind;
    if (!nn_check(device, vkn_layer_create(device->context, info, &self->layer))) {
        free(self);
        return NULL;
    }
    return &self->module;
}
