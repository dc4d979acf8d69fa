// SPDX-License-Identifier: MIT
#include "embedding.h"

#include <stdlib.h>

#include "embedding_grad.spv.h"
#include "gather.h"
#include "kernel.h"
#include "parameter.h"
#include "shaders/push.h"

static const nn_kernel embedding_grad_kernel = NN_KERNEL(embedding_grad, 3, nn_column_sum_push);

typedef struct embedding {
    nn_module module;
    uint32_t count, width;
    nn_parameter weight;
    vkn_tensor tokens; // of the last forward, as a vector
} embedding;

static vkn_tensor embedding_forward(nn_module *module, vkn_tensor x) {
    embedding *self = (embedding *)module;
    nn_device *device = module->device;
    if (x.dtype != VKN_I64 || x.rank < 1 || x.rank >= VKN_MAX_RANK) {
        nn_fail(device, VKN_BAD_ARGUMENT, "embedding: x has dtype %d and rank %u, expected I64 (%d) and rank 1 to %d",
                (int)x.dtype, x.rank, (int)VKN_I64, VKN_MAX_RANK - 1);
        return (vkn_tensor){0};
    }
    const uint32_t count = (uint32_t)vkn_tensor_count(&x);
    self->tokens = nn_reshape(device, &x, 1, &count);
    const vkn_tensor rows = nn_gather(device, &self->weight.value, &self->tokens);
    x.shape[x.rank] = self->width;
    return nn_reshape(device, &rows, x.rank + 1, x.shape);
}

static vkn_tensor embedding_backward(nn_module *module, vkn_tensor dy, bool needs_dx) {
    const embedding *self = (embedding *)module;
    nn_device *device = module->device;
    const uint32_t tokens = self->tokens.shape[0];
    const vkn_tensor rows = nn_as_matrix(device, &dy);
    if (needs_dx || rows.shape[0] != tokens || rows.shape[1] != self->width) {
        nn_fail(device, VKN_BAD_ARGUMENT, "embedding: dy is %u x %u, expected %u x %u; tokens have no gradient%s",
                rows.shape[0], rows.shape[1], tokens, self->width, needs_dx ? ", but dx is asked for" : "");
        return (vkn_tensor){0};
    }
    if (module->frozen) return (vkn_tensor){0};
    nn_column_sum_push push = {.columns = self->width};
    do {
        push.last = tokens - push.first > NN_SUM_ROWS ? push.first + NN_SUM_ROWS : tokens;
        nn_dispatch(device, &embedding_grad_kernel, (const vkn_tensor[]){self->tokens, rows, self->weight.grad}, &push,
                    (self->width + NN_SUM_COLUMNS - 1) / NN_SUM_COLUMNS, self->count);
        push.first = push.last;
    } while (push.first < tokens);
    return (vkn_tensor){0};
}

static void embedding_state(nn_module *module, nn_parameter_visit visit, void *user) {
    visit(user, "weight", &((embedding *)module)->weight);
}

static void embedding_destroy(nn_module *module) {
    free(module);
}

static const nn_module_ops embedding_ops = {.forward = embedding_forward,
                                            .backward = embedding_backward,
                                            .state = embedding_state,
                                            .destroy = embedding_destroy};

nn_module *nn_embedding_create(nn_device *device, uint32_t count, uint32_t width, nn_random *random) {
    if (count > device->info.max_workgroups) {
        nn_fail(device, VKN_UNSUPPORTED, "embedding: %u vectors, maxComputeWorkGroupCount is %u", count,
                device->info.max_workgroups);
        return NULL;
    }
    embedding *self = nn_module_allocate(device, &embedding_ops, sizeof *self);
    if (!self) return NULL;
    self->count = count;
    self->width = width;
    self->weight = nn_parameter_normal(device, 2, (const uint32_t[]){count, width}, random);
    return &self->module;
}
