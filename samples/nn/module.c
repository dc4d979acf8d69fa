// SPDX-License-Identifier: MIT
#include "module.h"

#include <stdio.h>
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

void nn_module_children(nn_module *module, nn_child_visit visit, void *user) {
    if (module->ops->children) module->ops->children(module, visit, user);
}

// Who visits, and where it is.
typedef struct scope {
    nn_parameter_visit visit;
    void *user;
    bool trained_only;
    nn_module *module;
    char prefix[NN_NAME_SIZE];
} scope;

static void join(const scope *in, const char *name, const char *end, char *out) {
    const int length = snprintf(out, NN_NAME_SIZE, "%s%s%s", in->prefix, name, end);
    if (length < 0 || length >= NN_NAME_SIZE) {
        nn_fail(in->module->device, VKN_UNSUPPORTED, "module: the name %s%s%s has %d characters, at most %d",
                in->prefix, name, end, length, NN_NAME_SIZE - 1);
    }
}

static void visit_parameter(void *user, const char *name, const nn_parameter *parameter) {
    const scope *in = user;
    if (in->trained_only && (in->module->frozen || !parameter->grad.buffer)) return;
    char full[NN_NAME_SIZE];
    join(in, name, "", full);
    in->visit(in->user, full, parameter);
}

static void visit_scope(scope *);

static void visit_child(void *user, const char *name, nn_module *child) {
    const scope *outer = user;
    scope inner = *outer;
    inner.module = child;
    join(outer, name, ".", inner.prefix);
    visit_scope(&inner);
}

static void visit_scope(scope *in) {
    if (in->module->ops->state) in->module->ops->state(in->module, visit_parameter, in);
    nn_module_children(in->module, visit_child, in);
}

void nn_module_state(nn_module *module, nn_parameter_visit visit, void *user) {
    visit_scope(&(scope){.visit = visit, .user = user, .module = module});
}

void nn_module_parameters(nn_module *module, nn_parameter_visit visit, void *user) {
    visit_scope(&(scope){.visit = visit, .user = user, .trained_only = true, .module = module});
}

static void train_child(void *user, const char *name, nn_module *child) {
    (void)name;
    nn_module_train(child, *(const bool *)user);
}

void nn_module_train(nn_module *module, bool training) {
    if (module->ops->train) module->ops->train(module, training);
    nn_module_children(module, train_child, &training);
}

static void freeze_child(void *user, const char *name, nn_module *child) {
    (void)name;
    nn_module_freeze(child, *(const bool *)user);
}

void nn_module_freeze(nn_module *module, bool frozen) {
    module->frozen = frozen;
    if (module->ops->freeze) module->ops->freeze(module, frozen);
    nn_module_children(module, freeze_child, &frozen);
}

static void synchronize_child(void *user, const char *name, nn_module *child) {
    (void)name;
    nn_module_synchronize(child, *(const vkn_communicator *const *)user);
}

void nn_module_synchronize(nn_module *module, const vkn_communicator *communicator) {
    if (module->ops->synchronize) module->ops->synchronize(module, communicator);
    nn_module_children(module, synchronize_child, &communicator);
}
