// SPDX-License-Identifier: MIT
#include "case_tensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_shapes.h"
#include "command.h"

enum { INPUT = 1, OUTPUT = 2, BACKWARD_ONLY = 4, REQUIRED = 8 };

static const struct {
    const char *name;
    unsigned use;
} slots[SLOT_COUNT] = {
    [SLOT_X] = {"x", INPUT | REQUIRED},
    [SLOT_WEIGHT] = {"weight", INPUT},
    [SLOT_BIAS] = {"bias", INPUT},
    [SLOT_RUNNING_MEAN] = {"running_mean", INPUT | OUTPUT},
    [SLOT_RUNNING_VAR] = {"running_var", INPUT | OUTPUT},
    [SLOT_NUM_BATCHES_TRACKED] = {"num_batches_tracked", INPUT | OUTPUT},
    [SLOT_DY] = {"dy", INPUT | REQUIRED | BACKWARD_ONLY},
    [SLOT_Y] = {"y", OUTPUT},
    [SLOT_MEAN] = {"mean", OUTPUT},
    [SLOT_RSTD] = {"rstd", OUTPUT},
    [SLOT_DX] = {"dx", OUTPUT | BACKWARD_ONLY},
    [SLOT_DWEIGHT] = {"dweight", OUTPUT | BACKWARD_ONLY},
    [SLOT_DBIAS] = {"dbias", OUTPUT | BACKWARD_ONLY},
};

// Inputs that later releases read.
static const char *const later_inputs[] = {"residual", "dh"};

static bool takes_part(const norm_case *item, slot s) {
    return item->backward || !(slots[s].use & BACKWARD_ONLY);
}

static int check_name(const case_list *cases, const char *tensor, const char *path) {
    const char *dot = strrchr(tensor, '.');
    char *name = dot ? strdup(tensor) : NULL;
    if (name) {
        name[dot - tensor] = '\0';
    }
    const norm_case *item = name ? cases_find(cases, name) : NULL;
    free(name);
    if (!item) {
        return command_fail("%s: tensor %.80s is of no case; names are <case>.<tensor>", path, tensor);
    }
    for (size_t i = 0; i < sizeof later_inputs / sizeof *later_inputs; i++) {
        if (strcmp(dot + 1, later_inputs[i]) == 0) {
            return command_fail("%s: tensor %.80s: this build has no residuals", path, tensor);
        }
    }
    for (slot s = SLOT_X; s < SLOT_COUNT; s++) {
        if ((slots[s].use & INPUT) && takes_part(item, s) && strcmp(dot + 1, slots[s].name) == 0) {
            return COMMAND_OK;
        }
    }
    return command_fail("%s: tensor %.80s: a %s case has no input \"%.80s\"", path, tensor,
                        item->backward ? "backward" : "forward", dot + 1);
}

int case_tensors_check_file(const case_list *cases, const vkn_safetensors *file, const char *path) {
    int code = COMMAND_OK;
    for (size_t i = 0; code == COMMAND_OK && i < file->count; i++) {
        code = check_name(cases, file->tensors[i].name, path);
    }
    return code;
}

static char *join_name(const norm_case *item, slot s) {
    const size_t size = strlen(item->name) + strlen(slots[s].name) + 2;
    char *name = malloc(size);
    if (name) {
        snprintf(name, size, "%s.%s", item->name, slots[s].name);
    }
    return name;
}

static int library_error(const norm_case *item, const char *tensor) {
    return command_fail("case %.80s: %s%s%s", item->name, tensor, *tensor ? ": " : "", vkn_error_message());
}

// Gives the slot its device buffer. Empty tensors have one too: no buffer would mean that the tensor is absent.
static int create_buffer(vkn_context *context, const norm_case *item, slot s, case_tensor *out) {
    const uint64_t bytes = out->stored.bytes;
    if (vkn_buffer_create(context, bytes > 0 ? bytes : sizeof(float), &out->buffer) != VKN_OK) {
        return library_error(item, slots[s].name);
    }
    out->tensor.buffer = vkn_buffer_handle(out->buffer);
    return COMMAND_OK;
}

static int load_input(vkn_context *context, const norm_case *item, const vkn_safetensors *file, slot s,
                      case_tensor *out) {
    char *name = join_name(item, s);
    if (!name) {
        return command_fail("case %.80s: no memory for a name", item->name);
    }
    const vkn_safetensor *stored = vkn_safetensors_find(file, name);
    free(name);
    if (!stored) {
        return slots[s].use & REQUIRED ? command_fail("case %.80s: the input file has no tensor %.80s.%s", item->name,
                                                      item->name, slots[s].name)
                                       : COMMAND_OK;
    }
    out->stored = *stored;
    int code = s == SLOT_X || s == SLOT_DY ? shape_activation(item, slots[s].name, stored, &out->tensor)
                                           : shape_parameter(item, slots[s].name, stored, &out->tensor);
    if (code == COMMAND_OK) {
        code = create_buffer(context, item, s, out);
    }
    if (code == COMMAND_OK && stored->bytes > 0 &&
        vkn_buffer_upload(out->buffer, 0, stored->data, stored->bytes) != VKN_OK) {
        code = library_error(item, slots[s].name);
    }
    return code;
}

bool case_tensors_frozen(const case_tensors *self) {
    return !self->item->training && self->slots[SLOT_RUNNING_MEAN].buffer && self->slots[SLOT_RUNNING_VAR].buffer;
}

static int create_like(vkn_context *context, case_tensors *self, slot s, slot model) {
    self->slots[s].stored = self->slots[model].stored;
    self->slots[s].tensor = self->slots[model].tensor;
    return create_buffer(context, self->item, s, &self->slots[s]);
}

static int create_statistic(vkn_context *context, case_tensors *self, slot s) {
    shape_statistic(self->item, &self->slots[SLOT_X].stored, &self->slots[s].stored);
    const int code = shape_parameter(self->item, slots[s].name, &self->slots[s].stored, &self->slots[s].tensor);
    return code == COMMAND_OK ? create_buffer(context, self->item, s, &self->slots[s]) : code;
}

// Room for y, for the statistics where they come from x, and for the gradients of what was given.
static int create_outputs(vkn_context *context, case_tensors *self) {
    const norm_case *item = self->item;
    const bool statistics = !case_tensors_frozen(self) && vkn_norm_groups(&item->norm, &self->slots[SLOT_X].tensor) > 0;
    const struct {
        slot target, model;
        bool wanted;
    } copies[] = {
        {SLOT_Y, SLOT_X, true},
        {SLOT_DX, SLOT_X, item->backward},
        {SLOT_DWEIGHT, SLOT_WEIGHT, item->backward && self->slots[SLOT_WEIGHT].buffer},
        {SLOT_DBIAS, SLOT_BIAS, item->backward && self->slots[SLOT_BIAS].buffer},
    };
    int code = COMMAND_OK;
    for (size_t i = 0; code == COMMAND_OK && i < sizeof copies / sizeof *copies; i++) {
        if (copies[i].wanted) {
            code = create_like(context, self, copies[i].target, copies[i].model);
        }
    }
    if (code == COMMAND_OK && statistics && item->norm.kind != VKN_RMS) {
        code = create_statistic(context, self, SLOT_MEAN);
    }
    if (code == COMMAND_OK && statistics) {
        code = create_statistic(context, self, SLOT_RSTD);
    }
    return code;
}

int case_tensors_create(vkn_context *context, const norm_case *item, const vkn_safetensors *file, case_tensors *out) {
    *out = (case_tensors){.item = item};
    int code = COMMAND_OK;
    for (slot s = SLOT_X; code == COMMAND_OK && s < SLOT_COUNT; s++) {
        if ((slots[s].use & INPUT) && takes_part(item, s)) {
            code = load_input(context, item, file, s, &out->slots[s]);
        }
    }
    const vkn_safetensor *x = &out->slots[SLOT_X].stored;
    for (slot s = SLOT_WEIGHT; code == COMMAND_OK && s <= SLOT_NUM_BATCHES_TRACKED; s++) {
        if (out->slots[s].buffer) {
            code = shape_check(item, slots[s].name, x, s == SLOT_WEIGHT || s == SLOT_BIAS, &out->slots[s].stored);
        }
    }
    return code == COMMAND_OK ? create_outputs(context, out) : code;
}

void case_tensors_destroy(case_tensors *self) {
    for (slot s = SLOT_X; s < SLOT_COUNT; s++) {
        vkn_buffer_destroy(self->slots[s].buffer);
    }
    *self = (case_tensors){0};
}

static int append_output(const norm_case *item, slot s, const case_tensor *in, outputs *out) {
    const uint64_t bytes = in->stored.bytes;
    char *name = join_name(item, s);
    void *data = malloc(bytes > 0 ? bytes : 1);
    out->owned[2 * out->count] = name;
    out->owned[2 * out->count + 1] = data;
    vkn_safetensor *tensor = &out->tensors[out->count++];
    if (!name || !data) {
        return command_fail("case %.80s: no memory for %s of %" PRIu64 " bytes", item->name, slots[s].name, bytes);
    }
    *tensor = in->stored;
    tensor->name = name;
    tensor->data = data;
    if (bytes > 0 && vkn_buffer_download(in->buffer, 0, data, bytes) != VKN_OK) {
        return library_error(item, slots[s].name);
    }
    return COMMAND_OK;
}

int case_tensors_download(const case_tensors *self, outputs *out) {
    int code = COMMAND_OK;
    for (slot s = SLOT_X; code == COMMAND_OK && s < SLOT_COUNT; s++) {
        if ((slots[s].use & OUTPUT) && self->slots[s].buffer) {
            code = append_output(self->item, s, &self->slots[s], out);
        }
    }
    return code;
}

int outputs_create(size_t case_count, outputs *out) {
    const size_t capacity = case_count * SLOT_COUNT + 1;
    out->count = 0;
    out->tensors = calloc(capacity, sizeof *out->tensors);
    out->owned = calloc(2 * capacity, sizeof out->owned[0]);
    return out->tensors && out->owned ? COMMAND_OK : command_fail("no memory for the outputs of %zu cases", case_count);
}

void outputs_free(outputs *self) {
    for (size_t i = 0; i < 2 * self->count; i++) {
        free(self->owned[i]);
    }
    free(self->owned);
    free(self->tensors);
    *self = (outputs){0};
}
