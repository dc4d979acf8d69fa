// SPDX-License-Identifier: MIT
#include "safetensors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "file.h"

static const struct {
    const char *name;
    uint64_t bytes;
} dtypes[] = {
#define X(name, bytes) {#name, bytes},
    VKN_SAFETENSORS_DTYPES(X)
#undef X
};

const char *vkn_safetensors_dtype_name(vkn_safetensors_dtype dtype) {
    return dtypes[dtype].name;
}

uint64_t vkn_safetensors_dtype_bytes(vkn_safetensors_dtype dtype) {
    return dtypes[dtype].bytes;
}

vkn_result vkn_safetensors_fail(vkn_safetensors_error *error, vkn_result result, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return result;
}

uint64_t vkn_safetensors_bytes(vkn_safetensors_dtype dtype, uint32_t rank, const uint64_t *shape) {
    uint64_t bytes = dtypes[dtype].bytes;
    for (uint32_t i = 0; i < rank; i++) {
        if (shape[i] != 0 && bytes > UINT64_MAX / shape[i]) {
            return UINT64_MAX;
        }
        bytes *= shape[i];
    }
    return bytes;
}

vkn_safetensors_shape vkn_safetensors_print_shape(uint32_t rank, const uint64_t *shape) {
    vkn_safetensors_shape result = {"["};
    size_t used = 1;
    for (uint32_t i = 0; i < rank; i++) {
        used +=
            (size_t)snprintf(result.text + used, sizeof result.text - used, "%s%" PRIu64, i > 0 ? ", " : "", shape[i]);
    }
    snprintf(result.text + used, sizeof result.text - used, "]");
    return result;
}

char *vkn_safetensors_json_text(const json_t *value) {
    const size_t flags = JSON_ENCODE_ANY | JSON_COMPACT;
    const size_t length = json_dumpb(value, NULL, 0, flags);
    char *text = length > 0 ? malloc(length + 1) : NULL;
    if (!text) {
        return NULL;
    }
    if (json_dumpb(value, text, length, flags) != length) {
        free(text);
        return NULL;
    }
    text[length] = '\0';
    return text;
}

static vkn_result bad_field(vkn_safetensors_error *error, const char *name, const char *field, const char *wanted,
                            const json_t *value) {
    char *text = value ? vkn_safetensors_json_text(value) : NULL;
    vkn_safetensors_fail(error, VKN_BAD_FILE, "tensor %.80s: %s must be %s, but is %.80s", name, field, wanted,
                         text ? text : "missing");
    free(text);
    return VKN_BAD_FILE;
}

static vkn_result read_dtype(const json_t *value, vkn_safetensor *tensor, vkn_safetensors_error *error) {
    for (int i = 0; json_is_string(value) && i < VKN_SAFETENSORS_DTYPE_COUNT; i++) {
        if (strcmp(json_string_value(value), dtypes[i].name) == 0) {
            tensor->dtype = (vkn_safetensors_dtype)i;
            return VKN_OK;
        }
    }
    return bad_field(error, tensor->name, "dtype", "one of the format's (F32, F16, BF16, I64, ...)", value);
}

static vkn_result read_shape(const json_t *value, vkn_safetensor *tensor, vkn_safetensors_error *error) {
    if (!json_is_array(value)) {
        return bad_field(error, tensor->name, "shape", "an array of sizes", value);
    }
    const size_t rank = json_array_size(value);
    if (rank > VKN_SAFETENSORS_MAX_RANK) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE, "tensor %.80s: shape has %zu dimensions, at most %d are read",
                                    tensor->name, rank, (int)VKN_SAFETENSORS_MAX_RANK);
    }
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(value, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0) {
            return bad_field(error, tensor->name, "shape", "an array of sizes", value);
        }
        tensor->shape[i] = (uint64_t)json_integer_value(size);
    }
    tensor->rank = (uint32_t)rank;
    return VKN_OK;
}

// Places the tensor in `data`, the part of the file behind the header.
static vkn_result read_offsets(const json_t *value, const char *data, uint64_t data_bytes, vkn_safetensor *tensor,
                               vkn_safetensors_error *error) {
    const json_t *first = json_array_get(value, 0);
    const json_t *second = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(first) || !json_is_integer(second) ||
        json_integer_value(first) < 0 || json_integer_value(second) < json_integer_value(first)) {
        return bad_field(error, tensor->name, "data_offsets", "an array of begin and end, begin <= end", value);
    }
    const uint64_t begin = (uint64_t)json_integer_value(first);
    const uint64_t end = (uint64_t)json_integer_value(second);
    if (end > data_bytes) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE,
                                    "tensor %.80s: data_offsets end at %" PRIu64 ", but the file has %" PRIu64
                                    " data bytes",
                                    tensor->name, end, data_bytes);
    }
    const uint64_t bytes = vkn_safetensors_bytes(tensor->dtype, tensor->rank, tensor->shape);
    if (bytes == UINT64_MAX) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE, "tensor %.80s: shape overflows 64 bits of bytes",
                                    tensor->name);
    }
    if (bytes != end - begin) {
        return vkn_safetensors_fail(
            error, VKN_BAD_FILE, "tensor %.80s: data_offsets span %" PRIu64 " bytes, but dtype and shape need %" PRIu64,
            tensor->name, end - begin, bytes);
    }
    tensor->data = data + begin;
    tensor->bytes = bytes;
    return VKN_OK;
}

static vkn_result read_tensor(const json_t *value, const char *data, uint64_t data_bytes, vkn_safetensor *tensor,
                              vkn_safetensors_error *error) {
    static const char *const fields[] = {"dtype", "shape", "data_offsets"};
    if (!json_is_object(value)) {
        return bad_field(error, tensor->name, "its entry", "an object", value);
    }
    size_t known = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!json_object_get(value, fields[i])) {
            return bad_field(error, tensor->name, fields[i], "given", NULL);
        }
        known++;
    }
    if (json_object_size(value) != known) {
        return bad_field(error, tensor->name, "its entry", "an object of dtype, shape and data_offsets alone", value);
    }
    vkn_result result = read_dtype(json_object_get(value, "dtype"), tensor, error);
    if (result == VKN_OK) {
        result = read_shape(json_object_get(value, "shape"), tensor, error);
    }
    if (result == VKN_OK) {
        result = read_offsets(json_object_get(value, "data_offsets"), data, data_bytes, tensor, error);
    }
    return result;
}

static vkn_result check_metadata(json_t *metadata, vkn_safetensors_error *error) {
    if (!json_is_object(metadata)) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE, "__metadata__ must be an object of strings");
    }
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value)) {
            return vkn_safetensors_fail(error, VKN_BAD_FILE, "__metadata__: the value of %.80s must be a string", key);
        }
    }
    return VKN_OK;
}

static int compare_places(const void *left, const void *right) {
    const vkn_safetensor *a = left;
    const vkn_safetensor *b = right;
    if (a->data != b->data) {
        return (const char *)a->data < (const char *)b->data ? -1 : 1;
    }
    return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

static int compare_names(const void *left, const void *right) {
    return strcmp(((const vkn_safetensor *)left)->name, ((const vkn_safetensor *)right)->name);
}

// The tensors must cover the data from its first byte to its last, each byte once.
static vkn_result check_places(const vkn_safetensors *file, const char *data, uint64_t data_bytes,
                               vkn_safetensors_error *error) {
    uint64_t covered = 0;
    for (size_t i = 0; i < file->count; i++) {
        const vkn_safetensor *tensor = &file->tensors[i];
        const uint64_t begin = (uint64_t)((const char *)tensor->data - data);
        if (begin != covered) {
            return vkn_safetensors_fail(error, VKN_BAD_FILE,
                                        "tensor %.80s: data_offsets begin at %" PRIu64
                                        ", but the data before end at %" PRIu64 ": %s",
                                        tensor->name, begin, covered, begin < covered ? "an overlap" : "a hole");
        }
        covered += tensor->bytes;
    }
    if (covered != data_bytes) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE,
                                    "the tensors end at %" PRIu64 ", but the file has %" PRIu64 " data bytes", covered,
                                    data_bytes);
    }
    return VKN_OK;
}

static vkn_result read_header(const char *data, uint64_t data_bytes, vkn_safetensors *file,
                              vkn_safetensors_error *error) {
    file->tensors = calloc(json_object_size(file->header) + 1, sizeof *file->tensors);
    if (!file->tensors) {
        return vkn_safetensors_fail(error, VKN_OUT_OF_MEMORY, "no memory for %zu tensors",
                                    json_object_size(file->header));
    }
    const char *key;
    json_t *value;
    json_object_foreach(file->header, key, value) {
        vkn_result result;
        if (strcmp(key, "__metadata__") == 0) {
            result = check_metadata(value, error);
        } else {
            vkn_safetensor *tensor = &file->tensors[file->count++];
            tensor->name = key;
            result = read_tensor(value, data, data_bytes, tensor, error);
        }
        if (result != VKN_OK) {
            return result;
        }
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_places);
    const vkn_result result = check_places(file, data, data_bytes, error);
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_names);
    return result;
}

vkn_result vkn_safetensors_parse(const void *file, size_t size, vkn_safetensors *out, vkn_safetensors_error *error) {
    *out = (vkn_safetensors){0};
    const unsigned char *bytes = file;
    if (size < 8) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE, "the file has %zu bytes, the header's size alone takes 8",
                                    size);
    }
    uint64_t header_bytes = 0;
    for (int i = 7; i >= 0; i--) {
        header_bytes = header_bytes << 8 | bytes[i];
    }
    if (header_bytes > VKN_SAFETENSORS_MAX_HEADER) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE, "the header has %" PRIu64 " bytes, at most %d are read",
                                    header_bytes, (int)VKN_SAFETENSORS_MAX_HEADER);
    }
    if (header_bytes > size - 8) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE, "the header has %" PRIu64 " bytes, but the file only %zu more",
                                    header_bytes, size - 8);
    }
    const char *header = (const char *)bytes + 8;
    if (header_bytes == 0 || header[0] != '{') {
        return vkn_safetensors_fail(error, VKN_BAD_FILE, "the header must start with '{'");
    }
    json_error_t json_error;
    out->header = json_loadb(header, (size_t)header_bytes, JSON_REJECT_DUPLICATES, &json_error);
    // Where jansson itself ran out of memory it often says nothing at all.
    if (!out->header && (json_error_code(&json_error) == json_error_out_of_memory || json_error.text[0] == '\0')) {
        return vkn_safetensors_fail(error, VKN_OUT_OF_MEMORY, "no memory for the header of %" PRIu64 " bytes",
                                    header_bytes);
    }
    if (!out->header) {
        return vkn_safetensors_fail(error, VKN_BAD_FILE, "the header is not JSON: byte %d: %s", json_error.position,
                                    json_error.text);
    }
    const vkn_result result = read_header(header + header_bytes, size - 8 - header_bytes, out, error);
    if (result != VKN_OK) {
        vkn_safetensors_free(out);
    }
    return result;
}

vkn_result vkn_safetensors_load(const char *path, vkn_safetensors *out, vkn_safetensors_error *error) {
    *out = (vkn_safetensors){0};
    void *bytes;
    size_t size;
    vkn_result result = vkn_file_read(path, UINT64_MAX, &bytes, &size, error->text, sizeof error->text);
    if (result == VKN_OK) {
        result = vkn_safetensors_parse(bytes, size, out, error);
    }
    if (result != VKN_OK) {
        free(bytes);
        return result;
    }
    out->file = bytes;
    return VKN_OK;
}

void vkn_safetensors_free(vkn_safetensors *file) {
    json_decref(file->header);
    free(file->tensors);
    free(file->file);
    *file = (vkn_safetensors){0};
}

const vkn_safetensor *vkn_safetensors_find(const vkn_safetensors *file, const char *name) {
    const vkn_safetensor key = {.name = name};
    return file->count > 0 ? bsearch(&key, file->tensors, file->count, sizeof key, compare_names) : NULL;
}
