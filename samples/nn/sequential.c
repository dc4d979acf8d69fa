// SPDX-License-Identifier: MIT
#include "sequential.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct sequential {
    nn_module module;
    nn_module **children;
    size_t count;
} sequential;

static vkn_tensor sequential_forward(nn_module *module, vkn_tensor x) {
    const sequential *self = (sequential *)module;
    for (size_t i = 0; i < self->count; i++)
        x = nn_module_forward(self->children[i], x);
    return x;
}

// What is below the first child that is trained needs no gradient, unless the caller does.
static vkn_tensor sequential_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const sequential *self = (sequential *)module;
    size_t first = 0;
    while (!needs_dx && first < self->count && self->children[first]->frozen)
        first++;
    for (size_t i = self->count; i-- > first;)
        dy = nn_module_backward(self->children[i], dy, needs_dx || i > first);
    return needs_dx ? dy : (vkn_tensor){0};
}

static void sequential_children(nn_module *module, nn_child_visit visit, void *user) {
    const sequential *self = (sequential *)module;
    for (size_t i = 0; i < self->count; i++) {
        char name[24];
        snprintf(name, sizeof name, "%zu", i);
        visit(user, name, self->children[i]);
    }
}

static void sequential_destroy(nn_module *module) {
    sequential *self = (sequential *)module;
    for (size_t i = 0; i < self->count; i++)
        nn_module_destroy(self->children[i]);
    free(self->children);
    free(self);
}

static const nn_module_ops sequential_ops = {.forward = sequential_forward,
                                             .backward = sequential_backward,
                                             .children = sequential_children,
                                             .destroy = sequential_destroy};

nn_module *nn_sequential_create(nn_device *device) {
    sequential *self = nn_module_allocate(device, &sequential_ops, sizeof *self);
    return self ? &self->module : NULL;
}

void nn_sequential_add(nn_module *module, nn_module *child) {
    sequential *self = (sequential *)module;
    if (!self || !child) {
        nn_module_destroy(child);
        return;
    }
    nn_module **children = realloc(self->children, (self->count + 1) * sizeof(nn_module *));
    if (!children) {
        nn_fail(module->device, VKN_OUT_OF_MEMORY, "sequential: out of memory");
        nn_module_destroy(child);
        return;
    }
    self->children = children;
    self->children[self->count++] = child;
}
