// SPDX-License-Identifier: MIT
// Layers in a .safetensors file. The tensors that the entries ask for are listed once; saving writes the list, loading
// compares the file with it and keeps what it held to put it back.
#include "error.h"
#include "file.h"
#include "layer.h"
#include "safetensors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    vkn_slot slot;
    const char *name;
    vkn_safetensors_dtype dtype;
    bool affine; // has the normalized shape
} keys[] = {
    {VKN_WEIGHT, "weight", VKN_SAFETENSORS_F32, true},
    {VKN_BIAS, "bias", VKN_SAFETENSORS_F32, true},
    {VKN_RUNNING_MEAN, "running_mean", VKN_SAFETENSORS_F32, false},
    {VKN_RUNNING_VAR, "running_var", VKN_SAFETENSORS_F32, false},
    {VKN_NUM_BATCHES_TRACKED, "num_batches_tracked", VKN_SAFETENSORS_I64, false},
};
enum { KEY_COUNT = sizeof keys / sizeof *keys };

// Where a tensor of the list comes from, and its memory: the data, then the name.
typedef struct part {
    vkn_layer *layer;
    vkn_slot slot;
    char *memory;
} part;

typedef struct state {
    const char *path;
    const vkn_state_entry *entries;
    uint32_t entry_count;
    size_t count;
    vkn_safetensor *tensors;
    part *parts; // of each tensor
} state;

static const char *prefix_of(const vkn_state_entry *entry) {
    return entry->prefix ? entry->prefix : "";
}

// ---- Arguments -----------------------------------------------------------------------------------------------------
static vkn_result check_normalized_shape(const vkn_state_entry *entry, uint32_t index) {
    const vkn_layer_info *info = vkn_layer_about(entry->layer);
    if (!entry->normalized_shape) return VKN_OK;
    if (info->norm.kind != VKN_LAYER && info->norm.kind != VKN_RMS)
        return vkn_fail(VKN_BAD_ARGUMENT, "entries[%u].normalized_shape: only layer and rms norm have one", index);
    uint64_t product = 1;
    for (uint32_t i = 0; i < info->norm.normalized_rank && product <= UINT32_MAX; ++i)
        product *= entry->normalized_shape[i];
    if (product != info->features)
        return vkn_fail(VKN_BAD_ARGUMENT, "entries[%u].normalized_shape: its product is %llu, features are %u", index,
                        (unsigned long long)product, info->features);
    return VKN_OK;
}

static vkn_result check_entry(const vkn_state_entry *entries, uint32_t index) {
    const vkn_state_entry *entry = &entries[index];
    if (!entry->layer) return vkn_fail(VKN_BAD_ARGUMENT, "entries[%u].layer: NULL", index);
    for (uint32_t i = 0; i < index; ++i) {
        if (entries[i].layer == entry->layer)
            return vkn_fail(VKN_BAD_ARGUMENT, "entries[%u].layer: is that of entries[%u]", index, i);
        if (strcmp(prefix_of(&entries[i]), prefix_of(entry)) == 0)
            return vkn_fail(VKN_BAD_ARGUMENT, "entries[%u].prefix: \"%.200s\" is that of entries[%u]", index,
                            prefix_of(entry), i);
    }
    return check_normalized_shape(entry, index);
}

static vkn_result check_arguments(const state *s) {
    if (!s->path) return vkn_fail(VKN_BAD_ARGUMENT, "path: NULL");
    if (s->entry_count && !s->entries) return vkn_fail(VKN_BAD_ARGUMENT, "entries: NULL, count is %u", s->entry_count);
    vkn_result result = VKN_OK;
    for (uint32_t i = 0; i < s->entry_count && result == VKN_OK; ++i)
        result = check_entry(s->entries, i);
    return result;
}

// ---- The list ------------------------------------------------------------------------------------------------------
static void set_shape(vkn_safetensor *tensor, const vkn_state_entry *entry, bool affine) {
    const vkn_layer_info *info = vkn_layer_about(entry->layer);
    tensor->rank = tensor->dtype == VKN_SAFETENSORS_I64 ? 0 : 1;
    tensor->shape[0] = tensor->rank ? info->features : 0;
    if (affine && entry->normalized_shape) {
        tensor->rank = info->norm.normalized_rank;
        for (uint32_t i = 0; i < tensor->rank; ++i)
            tensor->shape[i] = entry->normalized_shape[i];
    }
    tensor->bytes = vkn_safetensors_bytes(tensor->dtype, tensor->rank, tensor->shape);
}

static vkn_result add_part(state *s, const vkn_state_entry *entry, size_t key) {
    vkn_safetensor *tensor = &s->tensors[s->count];
    part *p = &s->parts[s->count];
    tensor->dtype = keys[key].dtype;
    set_shape(tensor, entry, keys[key].affine);
    const char *prefix = prefix_of(entry);
    size_t name_bytes = strlen(prefix) + strlen(keys[key].name) + 1;
    bool fits = tensor->bytes <= SIZE_MAX - name_bytes;
    p->memory = fits ? malloc((size_t)tensor->bytes + name_bytes) : NULL;
    if (!p->memory)
        return vkn_fail(VKN_OUT_OF_MEMORY, "%.200s%s: %llu bytes of host memory", prefix, keys[key].name,
                        (unsigned long long)tensor->bytes);
    char *name = p->memory + tensor->bytes;
    snprintf(name, name_bytes, "%s%s", prefix, keys[key].name);
    tensor->name = name;
    tensor->data = p->memory;
    p->layer = entry->layer;
    p->slot = keys[key].slot;
    s->count++;
    return VKN_OK;
}

// Lists the tensors of all entries. To be freed after a failure too.
static vkn_result state_list(state *s) {
    vkn_result result = check_arguments(s);
    if (result != VKN_OK) return result;
    size_t most = (size_t)s->entry_count * KEY_COUNT + 1;
    s->tensors = calloc(most, sizeof *s->tensors);
    s->parts = calloc(most, sizeof *s->parts);
    if (!s->tensors || !s->parts) return vkn_fail(VKN_OUT_OF_MEMORY, "entries: no host memory for %u", s->entry_count);
    for (uint32_t i = 0; i < s->entry_count; ++i)
        for (size_t key = 0; key < KEY_COUNT; ++key) {
            if (vkn_layer_tensor(s->entries[i].layer, keys[key].slot).buffer == VK_NULL_HANDLE) continue;
            result = add_part(s, &s->entries[i], key);
            if (result != VKN_OK) return result;
        }
    return VKN_OK;
}

static void state_free(state *s) {
    for (size_t i = 0; i < s->count; ++i)
        free(s->parts[i].memory);
    free(s->tensors);
    free(s->parts);
}

// Fetches what the layers hold.
static vkn_result state_download(state *s) {
    vkn_result result = VKN_OK;
    for (size_t i = 0; i < s->count && result == VKN_OK; ++i)
        result = vkn_layer_download(s->parts[i].layer, s->parts[i].slot, s->parts[i].memory, s->tensors[i].bytes);
    return result;
}

// ---- The file against the list -------------------------------------------------------------------------------------
static vkn_result fail_file(const state *s, vkn_result result, const char *reason) {
    return vkn_fail(result, "%s: %s", vkn_file_show(s->path).text, reason);
}

// Quoted names, as many as there is room for.
typedef struct name_list {
    char text[256];
    size_t length, left_out;
} name_list;

static void name_list_add(name_list *list, const char *name) {
    enum { SHOWN = 160 };
    size_t quoted = strnlen(name, SHOWN) + sizeof ", \"\"" - 1;
    if (list->left_out || list->length + quoted >= sizeof list->text) {
        list->left_out++;
        return;
    }
    list->length += (size_t)snprintf(list->text + list->length, sizeof list->text - list->length, "%s\"%.*s\"",
                                     list->length ? ", " : "", (int)SHOWN, name);
}

static vkn_result fail_names(const state *s, const char *what, const name_list *list) {
    char text[sizeof list->text + 96], more[40] = "";
    if (list->left_out) snprintf(more, sizeof more, " and %zu more", list->left_out);
    snprintf(text, sizeof text, "%s key(s) in state_dict: %s%s", what, list->text, more);
    return fail_file(s, VKN_BAD_FILE, text);
}

// Whether `name` is the prefix of an entry and one word.
static bool belongs_to_entry(const state *s, const char *name) {
    for (uint32_t i = 0; i < s->entry_count; ++i) {
        const char *prefix = prefix_of(&s->entries[i]);
        size_t length = strlen(prefix);
        if (strncmp(name, prefix, length) == 0 && !strchr(name + length, '.')) return true;
    }
    return false;
}

static vkn_result check_names(const state *s, const vkn_safetensors *file, bool strict) {
    name_list missing = {0}, unexpected = {0};
    bool *taken = calloc(file->count + 1, sizeof *taken);
    if (!taken) return vkn_fail(VKN_OUT_OF_MEMORY, "no host memory for %zu names", file->count);
    for (size_t i = 0; i < s->count; ++i) {
        const vkn_safetensor *found = vkn_safetensors_find(file, s->tensors[i].name);
        if (found)
            taken[found - file->tensors] = true;
        else
            name_list_add(&missing, s->tensors[i].name);
    }
    for (size_t i = 0; i < file->count; ++i)
        if (!taken[i] && (strict || belongs_to_entry(s, file->tensors[i].name)))
            name_list_add(&unexpected, file->tensors[i].name);
    free(taken);
    if (missing.length) return fail_names(s, "Missing", &missing);
    if (unexpected.length) return fail_names(s, "Unexpected", &unexpected);
    return VKN_OK;
}

static vkn_result check_tensor(const state *s, const vkn_safetensor *wanted, const vkn_safetensor *found) {
    vkn_safetensors_error error;
    if (found->rank != wanted->rank || memcmp(found->shape, wanted->shape, wanted->rank * sizeof *wanted->shape) != 0) {
        vkn_safetensors_fail(&error, VKN_BAD_FILE,
                             "size mismatch for %.120s: copying a param with shape %.64s from checkpoint, the shape in "
                             "current model is %s.",
                             wanted->name, vkn_safetensors_print_shape(found->rank, found->shape).text,
                             vkn_safetensors_print_shape(wanted->rank, wanted->shape).text);
        return fail_file(s, VKN_BAD_FILE, error.text);
    }
    if (found->dtype != wanted->dtype) {
        vkn_safetensors_fail(&error, VKN_BAD_FILE, "dtype mismatch for %.120s: %s in the file, must be %s",
                             wanted->name, vkn_safetensors_dtype_name(found->dtype),
                             vkn_safetensors_dtype_name(wanted->dtype));
        return fail_file(s, VKN_BAD_FILE, error.text);
    }
    if (wanted->dtype != VKN_SAFETENSORS_I64) return VKN_OK;
    int64_t counted;
    memcpy(&counted, found->data, sizeof counted);
    if (counted >= 0) return VKN_OK;
    vkn_safetensors_fail(&error, VKN_BAD_FILE, "%.120s: %lld, must be at least 0", wanted->name, (long long)counted);
    return fail_file(s, VKN_BAD_FILE, error.text);
}

static vkn_result check_file(const state *s, const vkn_safetensors *file, bool strict) {
    vkn_result result = check_names(s, file, strict);
    for (size_t i = 0; i < s->count && result == VKN_OK; ++i)
        result = check_tensor(s, &s->tensors[i], vkn_safetensors_find(file, s->tensors[i].name));
    return result;
}

// ---- Saving and loading --------------------------------------------------------------------------------------------
// Uploads the file's tensors; where one fails, the layers get back what state_download had fetched.
static vkn_result replace(const state *s, const vkn_safetensors *file) {
    vkn_result result = VKN_OK, restored = VKN_OK;
    size_t tried = 0;
    while (tried < s->count && result == VKN_OK) {
        const vkn_safetensor *found = vkn_safetensors_find(file, s->tensors[tried].name);
        result = vkn_layer_upload(s->parts[tried].layer, s->parts[tried].slot, found->data, found->bytes);
        tried++;
    }
    if (result == VKN_OK) return VKN_OK;
    vkn_safetensors_error why;
    vkn_safetensors_fail(&why, result, "%s", vkn_error_message());
    for (size_t i = 0; i < tried; ++i) {
        const part *p = &s->parts[i];
        vkn_result one = vkn_layer_upload(p->layer, p->slot, s->tensors[i].data, s->tensors[i].bytes);
        if (one != VKN_OK) restored = one;
    }
    return vkn_fail(result, "%.300s%s", why.text,
                    restored == VKN_OK ? "" : "; what the layers had could not be put back: load them again");
}

vkn_result vkn_state_save(const char *path, const vkn_state_entry *entries, uint32_t count) {
    state s = {.path = path, .entries = entries, .entry_count = count};
    vkn_safetensors_error error;
    vkn_result result = state_list(&s);
    if (result == VKN_OK) result = state_download(&s);
    if (result == VKN_OK) {
        result = vkn_safetensors_save(path, s.tensors, s.count, &error);
        if (result != VKN_OK) fail_file(&s, result, error.text);
    }
    state_free(&s);
    return result;
}

vkn_result vkn_state_load(const char *path, const vkn_state_entry *entries, uint32_t count, bool strict) {
    state s = {.path = path, .entries = entries, .entry_count = count};
    vkn_safetensors file = {0};
    vkn_safetensors_error error;
    vkn_result result = state_list(&s);
    if (result == VKN_OK) {
        result = vkn_safetensors_load(path, &file, &error);
        if (result != VKN_OK) fail_file(&s, result, error.text);
    }
    if (result == VKN_OK) result = check_file(&s, &file, strict);
    if (result == VKN_OK) result = state_download(&s);
    if (result == VKN_OK) result = replace(&s, &file);
    vkn_safetensors_free(&file);
    state_free(&s);
    return result;
}
