// SPDX-License-Identifier: MIT
#include "case_tensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "case_shapes.h"
#include "command.h"

enum { INPUT = 1, OUTPUT = 2, BACKWARD_ONLY = 4, REQUIRED = 8, AS_X = 16, AFFINE = 32 };

static const struct {
    const char *name;
    unsigned use;
} slots[SLOT_COUNT] = {
    [SLOT_X] = {"x", INPUT | REQUIRED | AS_X},
    [SLOT_WEIGHT] = {"weight", INPUT | AFFINE},
    [SLOT_BIAS] = {"bias", INPUT | AFFINE},
    [SLOT_RUNNING_MEAN] = {"running_mean", INPUT | OUTPUT},
    [SLOT_RUNNING_VAR] = {"running_var", INPUT | OUTPUT},
    [SLOT_NUM_BATCHES_TRACKED] = {"num_batches_tracked", INPUT | OUTPUT},
    [SLOT_RESIDUAL] = {"residual", INPUT | AS_X},
    [SLOT_DY] = {"dy", INPUT | REQUIRED | AS_X | BACKWARD_ONLY},
    [SLOT_DH] = {"dh", INPUT | AS_X | BACKWARD_ONLY},
    [SLOT_H] = {"h", OUTPUT | AS_X},
    [SLOT_Y] = {"y", OUTPUT | AS_X},
    [SLOT_STATISTICS] = {"statistics", 0},
    [SLOT_DX] = {"dx", OUTPUT | AS_X | BACKWARD_ONLY},
    [SLOT_DRESIDUAL] = {"dresidual", OUTPUT | AS_X | BACKWARD_ONLY},
    [SLOT_DWEIGHT] = {"dweight", OUTPUT | BACKWARD_ONLY},
    [SLOT_DBIAS] = {"dbias", OUTPUT | BACKWARD_ONLY},
};

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
    for (slot s = SLOT_X; s < SLOT_COUNT; s++) {
        if ((slots[s].use & INPUT) && takes_part(item, s) && strcmp(dot + 1, slots[s].name) == 0) {
            return s != SLOT_DH || item->residual_before
                       ? COMMAND_OK
                       : command_fail("%s: tensor %.80s: it needs residual_before, which is false", path, tensor);
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

static int library_error(const norm_case *item, const char *tensor) {
    return command_fail("case %.80s: %s%s%s", item->name, tensor, *tensor ? ": " : "", vkn_error_message());
}

// Gives the slot its device buffer, of whole words as 16-bit tensors need it. Empty tensors have one too: no buffer
// would mean that the tensor is absent.
static int create_buffer(vkn_context *context, const norm_case *item, slot s, case_tensor *out) {
    const uint64_t bytes = s == SLOT_STATISTICS ? STATISTICS_COUNT * out->stored.bytes : out->stored.bytes;
    const uint64_t word = sizeof(float);
    if (vkn_buffer_create(context, bytes > 0 ? (bytes + word - 1) / word * word : word, &out->buffer) != VKN_OK) {
        return library_error(item, slots[s].name);
    }
    out->tensor.buffer = vkn_buffer_handle(out->buffer);
    out->tensor.texels = vkn_buffer_texels(out->buffer);
    return COMMAND_OK;
}

static int load_input(vkn_context *context, const norm_case *item, const vkn_safetensors *file, slot s,
                      case_tensor *out) {
    char *name = case_tensor_name(item->name, slots[s].name);
    if (!name) {
        return COMMAND_FAILED;
    }
    const vkn_safetensor *stored = vkn_safetensors_find(file, name);
    free(name);
    if (!stored) {
        const bool before = s == SLOT_RESIDUAL && item->residual_before;
        return before || (slots[s].use & REQUIRED)
                   ? command_fail("case %.80s: the input file has no tensor %.80s.%s%s", item->name, item->name,
                                  slots[s].name, before ? ", and residual_before is true" : "")
                   : COMMAND_OK;
    }
    out->stored = *stored;
    int code = slots[s].use & AS_X ? shape_as_x(item, slots[s].name, stored, &out->tensor)
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

// In the shape of another slot; what is not as x is F32.
static int create_like(vkn_context *context, case_tensors *self, slot s, slot model) {
    case_tensor *out = &self->slots[s];
    out->stored = self->slots[model].stored;
    out->tensor = self->slots[model].tensor;
    if (!(slots[s].use & AS_X)) {
        out->stored.dtype = VKN_SAFETENSORS_F32;
        out->stored.bytes = vkn_safetensors_bytes(out->stored.dtype, out->stored.rank, out->stored.shape);
        out->tensor.dtype = VKN_F32;
    }
    return create_buffer(context, self->item, s, out);
}

// Room for y, for the statistics where they come from x, and for the gradients of what was given.
static int create_outputs(vkn_context *context, case_tensors *self) {
    const norm_case *item = self->item;
    const bool before = item->residual_before;
    const struct {
        slot target, model;
        bool wanted;
    } copies[] = {
        {SLOT_H, SLOT_X, before},
        {SLOT_Y, SLOT_X, true},
        {SLOT_DX, SLOT_X, item->backward},
        {SLOT_DRESIDUAL, SLOT_X, item->backward && self->slots[SLOT_RESIDUAL].buffer && !before},
        {SLOT_DWEIGHT, SLOT_WEIGHT, item->backward && self->slots[SLOT_WEIGHT].buffer},
        {SLOT_DBIAS, SLOT_BIAS, item->backward && self->slots[SLOT_BIAS].buffer},
    };
    int code = COMMAND_OK;
    for (size_t i = 0; code == COMMAND_OK && i < sizeof copies / sizeof *copies; i++) {
        if (copies[i].wanted) {
            code = create_like(context, self, copies[i].target, copies[i].model);
        }
    }
    if (code == COMMAND_OK && item->save_statistics && !case_tensors_frozen(self) &&
        vkn_norm_groups(&item->norm, &self->slots[SLOT_X].tensor) > 0) {
        case_tensor *statistics = &self->slots[SLOT_STATISTICS];
        shape_statistics(item, &self->slots[SLOT_X].stored, &statistics->tensor, &statistics->stored);
        code = create_buffer(context, item, SLOT_STATISTICS, statistics);
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
    for (slot s = SLOT_X; code == COMMAND_OK && s < SLOT_COUNT; s++) {
        if (out->slots[s].buffer && !(slots[s].use & AS_X)) {
            code = shape_check(item, slots[s].name, x, slots[s].use & AFFINE, &out->slots[s].stored);
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

static int download(const case_tensors *self, slot s, uint64_t bytes, void *data) {
    if (bytes > 0 && vkn_buffer_download(self->slots[s].buffer, 0, data, bytes) != VKN_OK) {
        return library_error(self->item, slots[s].name);
    }
    return COMMAND_OK;
}

static int append_slot(const case_tensors *self, const char *name, slot s, outputs *out) {
    const vkn_safetensor *stored = &self->slots[s].stored;
    void *data;
    const int code = outputs_append(out, self->item->name, name, stored, &data);
    return code == COMMAND_OK ? download(self, s, stored->bytes, data) : code;
}

// mean and rstd, which stand side by side on the device.
static int append_statistics(const case_tensors *self, outputs *out) {
    static const struct {
        const char *name;
        int place;
    } parts[] = {{"rstd", STATISTIC_RSTD}, {"mean", STATISTIC_MEAN}};
    const vkn_safetensor *stored = &self->slots[SLOT_STATISTICS].stored;
    const uint64_t bytes = STATISTICS_COUNT * stored->bytes;
    float *all = malloc(bytes);
    if (!all) {
        return command_fail("case %.80s: no memory for statistics of %" PRIu64 " bytes", self->item->name, bytes);
    }
    int code = download(self, SLOT_STATISTICS, bytes, all);
    const int count = self->item->norm.kind == VKN_RMS ? 1 : 2;
    for (int i = 0; code == COMMAND_OK && i < count; i++) {
        void *data;
        code = outputs_append(out, self->item->name, parts[i].name, stored, &data);
        for (uint64_t g = 0; code == COMMAND_OK && g < stored->bytes / sizeof(float); g++) {
            ((float *)data)[g] = all[g * STATISTICS_COUNT + (uint64_t)parts[i].place];
        }
    }
    free(all);
    return code;
}

int case_tensors_download(const case_tensors *self, outputs *out) {
    int code = COMMAND_OK;
    for (slot s = SLOT_X; code == COMMAND_OK && s < SLOT_COUNT; s++) {
        if ((slots[s].use & OUTPUT) && self->slots[s].buffer) {
            code = append_slot(self, slots[s].name, s, out);
        }
    }
    // x and a residual that is added to it have the same gradient.
    if (code == COMMAND_OK && self->item->residual_before && self->item->backward) {
        code = append_slot(self, slots[SLOT_DRESIDUAL].name, SLOT_DX, out);
    }
    return code == COMMAND_OK && self->slots[SLOT_STATISTICS].buffer ? append_statistics(self, out) : code;
}
