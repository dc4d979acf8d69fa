// SPDX-License-Identifier: MIT
// What `vknorm run` writes in the end: the tensors of all cases.
#ifndef VKNORM_OUTPUTS_H
#define VKNORM_OUTPUTS_H

#include <stddef.h>

#include "safetensors.h"

typedef struct outputs {
    size_t count, capacity;
    vkn_safetensor *tensors;
    void **owned; // name and data of each
} outputs;

// Those that return an int return COMMAND_OK, or COMMAND_FAILED after a message.

// Appends the tensor <item>.<tensor> with the dtype and shape of `like`, and lends its `bytes` to be filled.
int outputs_append(outputs *, const char *item, const char *tensor, const vkn_safetensor *like, void **data);
void outputs_free(outputs *);

#endif
