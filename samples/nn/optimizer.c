// SPDX-License-Identifier: MIT
#include "optimizer.h"

#include <stdlib.h>

static void count_parameter(void *user, const char *name, const nn_parameter *parameter) {
    (void)name;
    (void)parameter;
    (*(size_t *)user)++;
}

static void add_parameter(void *user, const char *name, const nn_parameter *parameter) {
    (void)name;
    nn_optimizer *optimizer = user;
    optimizer->parameters[optimizer->count++] = *parameter;
}

void *nn_optimizer_allocate(nn_module *module, const nn_optimizer_ops *ops, size_t bytes) {
    size_t count = 0;
    nn_module_parameters(module, count_parameter, &count);
    nn_optimizer *optimizer = calloc(1, bytes);
    nn_parameter *parameters = calloc(count + 1, sizeof *parameters);
    if (!optimizer || !parameters) {
        nn_fail(module->device, VKN_OUT_OF_MEMORY, "optimizer: out of memory");
        free(optimizer);
        free(parameters);
        return NULL;
    }
    optimizer->ops = ops;
    optimizer->device = module->device;
    optimizer->parameters = parameters;
    nn_module_parameters(module, add_parameter, optimizer);
    return optimizer;
}

vkn_tensor *nn_optimizer_zeros(const nn_optimizer *optimizer) {
    vkn_tensor *zeros = calloc(optimizer->count + 1, sizeof *zeros);
    if (!zeros) nn_fail(optimizer->device, VKN_OUT_OF_MEMORY, "optimizer: out of memory");
    for (size_t i = 0; zeros && i < optimizer->count; i++) {
        const vkn_tensor *value = &optimizer->parameters[i].value;
        zeros[i] = nn_tensor_create(optimizer->device, NN_FOREVER, VKN_F32, value->rank, value->shape);
        nn_zero(optimizer->device, &zeros[i]);
    }
    return zeros;
}

void nn_optimizer_destroy(nn_optimizer *optimizer) {
    if (!optimizer) return;
    optimizer->ops->destroy(optimizer);
    free(optimizer->parameters);
    free(optimizer);
}

void nn_optimizer_step(nn_optimizer *optimizer) {
    if (nn_ok(optimizer->device)) optimizer->ops->step(optimizer);
}
