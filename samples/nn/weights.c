// SPDX-License-Identifier: MIT
// What of the state is meant is listed once: saving writes the list, loading compares the file with it. The device
// copies between the tensors, some of which lie in the library's own buffers, and those of a step, in one submission.
#include "weights.h"

#include <stdlib.h>
#include <string.h>

#include <safetensors.h>

typedef struct weight {
    char name[NN_NAME_SIZE];
    vkn_tensor tensor, step;
    void *data; // on the host
} weight;

typedef struct weights {
    nn_device *device;
    const char *path, *except;
    weight *entries;
    vkn_safetensor *tensors; // of each entry, as in the file
    size_t count;
} weights;

static bool excepted(const weights *list, const char *name) {
    return list->except && strncmp(name, list->except, strlen(list->except)) == 0;
}

static vkn_safetensors_dtype dtype_of(const vkn_tensor *tensor) {
    static const vkn_safetensors_dtype dtypes[] = {[VKN_F32] = VKN_SAFETENSORS_F32,
                                                   [VKN_F16] = VKN_SAFETENSORS_F16,
                                                   [VKN_BF16] = VKN_SAFETENSORS_BF16,
                                                   [VKN_I64] = VKN_SAFETENSORS_I64};
    return dtypes[tensor->dtype];
}

static void count_entry(void *user, const char *name, const nn_parameter *parameter) {
    weights *list = user;
    (void)parameter;
    list->count += !excepted(list, name);
}

static void add_entry(void *user, const char *name, const nn_parameter *parameter) {
    weights *list = user;
    if (excepted(list, name)) return;
    weight *entry = &list->entries[list->count];
    vkn_safetensor *tensor = &list->tensors[list->count++];
    memcpy(entry->name, name, strlen(name) + 1);
    entry->tensor = parameter->value;
    *tensor = (vkn_safetensor){.name = entry->name,
                               .dtype = dtype_of(&entry->tensor),
                               .rank = entry->tensor.rank,
                               .bytes = nn_tensor_bytes(&entry->tensor)};
    for (uint32_t i = 0; i < tensor->rank; i++)
        tensor->shape[i] = entry->tensor.shape[i];
}

static void list_destroy(weights *list) {
    for (size_t i = 0; list->entries && i < list->count; i++)
        free(list->entries[i].data);
    free(list->entries);
    free(list->tensors);
}

// Begins a step, with a tensor of the step for each of the list.
static bool list_create(nn_module *module, const char *path, const char *except, weights *list) {
    nn_device *device = module->device;
    *list = (weights){.device = device, .path = path, .except = except};
    nn_module_state(module, count_entry, list);
    list->entries = calloc(list->count + 1, sizeof *list->entries);
    list->tensors = calloc(list->count + 1, sizeof *list->tensors);
    if (!list->entries || !list->tensors) {
        nn_fail(device, VKN_OUT_OF_MEMORY, "weights: %s: no memory for %zu names", path, list->count);
        list->count = 0;
    } else {
        list->count = 0;
        nn_module_state(module, add_entry, list);
    }
    nn_begin(device);
    for (size_t i = 0; i < list->count; i++)
        list->entries[i].step = nn_tensor_like(device, &list->entries[i].tensor);
    return nn_ok(device);
}

static void fail(const weights *list, vkn_result result, const vkn_safetensors_error *error) {
    nn_fail(list->device, result, "weights: %s: %s", list->path, error->text);
}

void nn_weights_save(nn_module *module, const char *path) {
    nn_device *device = module->device;
    if (!nn_ok(device)) return;
    weights list;
    vkn_safetensors_error error;
    if (list_create(module, path, NULL, &list)) {
        for (size_t i = 0; i < list.count; i++)
            nn_copy(device, &list.entries[i].tensor, &list.entries[i].step);
        nn_submit(device);
    }
    for (size_t i = 0; i < list.count && nn_ok(device); i++) {
        list.entries[i].data = malloc(list.tensors[i].bytes + 1);
        if (list.entries[i].data) {
            nn_download(device, &list.entries[i].step, list.entries[i].data);
        } else {
            nn_fail(device, VKN_OUT_OF_MEMORY, "weights: %s: no memory for %s", path, list.tensors[i].name);
        }
        list.tensors[i].data = list.entries[i].data;
    }
    if (nn_ok(device)) {
        const vkn_result result = vkn_safetensors_save(path, list.tensors, list.count, &error);
        if (result != VKN_OK) fail(&list, result, &error);
    }
    list_destroy(&list);
}

// PyTorch's words for what does not fit.
static void compare(const weights *list, const vkn_safetensor *wanted, const vkn_safetensor *found) {
    if (!found) {
        nn_fail(list->device, VKN_BAD_FILE, "weights: %s: Missing key(s) in state_dict: \"%s\"", list->path,
                wanted->name);
    } else if (found->rank != wanted->rank ||
               memcmp(found->shape, wanted->shape, wanted->rank * sizeof wanted->shape[0]) != 0) {
        nn_fail(
            list->device, VKN_BAD_FILE,
            "weights: %s: size mismatch for %s: copying a param with shape %s from checkpoint, the shape in current "
            "model is %s.",
            list->path, wanted->name, vkn_safetensors_print_shape(found->rank, found->shape).text,
            vkn_safetensors_print_shape(wanted->rank, wanted->shape).text);
    } else if (found->dtype != wanted->dtype) {
        nn_fail(list->device, VKN_BAD_FILE, "weights: %s: dtype mismatch for %s: %s in the file, must be %s",
                list->path, wanted->name, vkn_safetensors_dtype_name(found->dtype),
                vkn_safetensors_dtype_name(wanted->dtype));
    }
}

static void find_unexpected(const weights *list, const vkn_safetensors *file) {
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        bool known = excepted(list, name);
        for (size_t j = 0; j < list->count && !known; j++)
            known = strcmp(list->tensors[j].name, name) == 0;
        if (!known) {
            nn_fail(list->device, VKN_BAD_FILE, "weights: %s: Unexpected key(s) in state_dict: \"%s\"", list->path,
                    name);
        }
    }
}

void nn_weights_load(nn_module *module, const char *path, const char *except) {
    nn_device *device = module->device;
    if (!nn_ok(device)) return;
    weights list;
    vkn_safetensors file = {0};
    vkn_safetensors_error error;
    const vkn_result result =
        list_create(module, path, except, &list) ? vkn_safetensors_load(path, &file, &error) : VKN_OK;
    if (result != VKN_OK) fail(&list, result, &error);
    if (nn_ok(device)) {
        for (size_t i = 0; i < list.count; i++)
            compare(&list, &list.tensors[i], vkn_safetensors_find(&file, list.tensors[i].name));
        find_unexpected(&list, &file);
    }
    for (size_t i = 0; i < list.count && nn_ok(device); i++) {
        nn_upload(device, &list.entries[i].step, vkn_safetensors_find(&file, list.tensors[i].name)->data);
        nn_copy(device, &list.entries[i].step, &list.entries[i].tensor);
    }
    nn_submit(device);
    vkn_safetensors_free(&file);
    list_destroy(&list);
}
