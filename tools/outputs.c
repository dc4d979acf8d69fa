// SPDX-License-Identifier: MIT
#include "outputs.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cases.h"
#include "command.h"

static bool make_room(outputs *self) {
    if (self->count < self->capacity) {
        return true;
    }
    const size_t capacity = 2 * self->capacity + 64;
    vkn_safetensor *tensors = realloc(self->tensors, capacity * sizeof *tensors);
    self->tensors = tensors ? tensors : self->tensors;
    void **owned = realloc(self->owned, 2 * capacity * sizeof *owned);
    self->owned = owned ? owned : self->owned;
    if (!tensors || !owned) {
        return false;
    }
    self->capacity = capacity;
    return true;
}

int outputs_append(outputs *self, const char *item, const char *tensor, const vkn_safetensor *like, void **data) {
    char *name = case_tensor_name(item, tensor);
    *data = malloc(like->bytes > 0 ? like->bytes : 1);
    if (!name || !*data || !make_room(self)) {
        free(name);
        free(*data);
        return command_fail("case %.80s: no memory for %s of %" PRIu64 " bytes", item, tensor, like->bytes);
    }
    self->owned[2 * self->count] = name;
    self->owned[2 * self->count + 1] = *data;
    vkn_safetensor *appended = &self->tensors[self->count++];
    *appended = *like;
    appended->name = name;
    appended->data = *data;
    return COMMAND_OK;
}

void outputs_free(outputs *self) {
    for (size_t i = 0; i < 2 * self->count; i++) {
        free(self->owned[i]);
    }
    free(self->owned);
    free(self->tensors);
    *self = (outputs){0};
}
