// SPDX-License-Identifier: MIT
#include "module.h"

#include <stdlib.h>

void *nn_module_allocate(nn_device *device, const nn_module_ops *ops, size_t bytes) {
    nn_module *module = calloc(1, bytes);
    if (!module) {
        nn_fail(device, VKN_OUT_OF_MEMORY, "module: out of memory");
        return NULL;
    }
    module->ops = ops;
    module->device = device;
    return module;
}

void nn_module_destroy(nn_module *module) {
    if (module) module->ops->destroy(module);
}

vkn_tensor nn_module_forward(nn_module *module, vkn_tensor x) {
    return nn_ok(module->device) ? module->ops->forward(module, x) : (vkn_tensor){0};
}

vkn_tensor nn_module_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    return nn_ok(module->device) ? module->ops->backward(module, dy, needs_dx) : (vkn_tensor){0};
}

void nn_module_parameters(nn_module *module, nn_parameter_visit visit, void *user) {
    if (module->ops->parameters) module->ops->parameters(module, visit, user);
}

void nn_module_train(nn_module *module, bool training) {
    if (module->ops->train) module->ops->train(module, training);
}

void nn_module_synchronize(nn_module *module, const vkn_communicator *communicator) {
    if (module->ops->synchronize) module->ops->synchronize(module, communicator);
}
