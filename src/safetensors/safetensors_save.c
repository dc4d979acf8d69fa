// SPDX-License-Identifier: MIT
#include "safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "file.h"

// Wide elements first: the data start at a multiple of 8, so every tensor is aligned to its elements.
static int compare_elements(const void *left, const void *right) {
    const vkn_safetensor *a = left;
    const vkn_safetensor *b = right;
    const uint64_t x = vkn_safetensors_dtype_bytes(a->dtype);
    const uint64_t y = vkn_safetensors_dtype_bytes(b->dtype);
    return x != y ? (x < y) - (x > y) : strcmp(a->name, b->name);
}

static bool is_utf8(const char *text) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000}; // by continuation bytes: shorter forms must be taken
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0';) {
        const int more = *c < 0x80 ? 0 : *c >> 5 == 0x6 ? 1 : *c >> 4 == 0xe ? 2 : *c >> 3 == 0x1e ? 3 : -1;
        if (more < 0) {
            return false;
        }
        uint32_t point = more == 0 ? *c : *c & (0x3fU >> more);
        c++;
        for (int i = 0; i < more; i++, c++) {
            if ((*c & 0xc0) != 0x80) {
                return false;
            }
            point = point << 6 | (*c & 0x3f);
        }
        if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
            return false;
        }
    }
    return true;
}

// NULL when memory ran out.
static json_t *make_entry(const vkn_safetensor *tensor, uint64_t begin) {
    json_t *shape = json_array();
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i])) != 0) {
            json_decref(shape);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", vkn_safetensors_dtype_name(tensor->dtype), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)begin + (json_int_t)tensor->bytes);
}

static vkn_result add_entry(json_t *header, const vkn_safetensor *tensor, uint64_t begin,
                            vkn_safetensors_error *error) {
    const uint64_t bytes = vkn_safetensors_bytes(tensor->dtype, tensor->rank, tensor->shape);
    if (bytes != tensor->bytes) {
        return vkn_safetensors_fail(error, VKN_BAD_ARGUMENT,
                                    "tensor %.80s: %" PRIu64 " bytes given, but dtype and shape need %" PRIu64,
                                    tensor->name, tensor->bytes, bytes);
    }
    if (!is_utf8(tensor->name)) {
        return vkn_safetensors_fail(error, VKN_BAD_ARGUMENT, "tensor %.80s: its name is not UTF-8", tensor->name);
    }
    if (json_object_get(header, tensor->name)) {
        return vkn_safetensors_fail(error, VKN_BAD_ARGUMENT, "tensor %.80s is there twice", tensor->name);
    }
    if (json_object_set_new(header, tensor->name, make_entry(tensor, begin)) != 0) {
        return vkn_safetensors_fail(error, VKN_OUT_OF_MEMORY, "tensor %.80s: no memory for its entry", tensor->name);
    }
    return VKN_OK;
}

// The header as text, padded with spaces to a multiple of 8 bytes.
static vkn_result make_header(const vkn_safetensor *order, size_t count, char **out, vkn_safetensors_error *error) {
    *out = NULL;
    json_t *header = json_object();
    vkn_result result = VKN_OK;
    uint64_t begin = 0;
    for (size_t i = 0; result == VKN_OK && i < count; i++) {
        result = add_entry(header, &order[i], begin, error);
        begin += order[i].bytes;
    }
    char *text = result == VKN_OK ? vkn_safetensors_json_text(header) : NULL;
    json_decref(header);
    if (result != VKN_OK) {
        return result;
    }
    const size_t length = text ? strlen(text) : 0;
    const size_t padded = (length + 7) / 8 * 8;
    char *grown = text ? realloc(text, padded + 1) : NULL;
    if (!grown) {
        free(text);
        return vkn_safetensors_fail(error, VKN_OUT_OF_MEMORY, "no memory for the header of %zu tensors", count);
    }
    if (padded > VKN_SAFETENSORS_MAX_HEADER) {
        free(grown);
        return vkn_safetensors_fail(error, VKN_BAD_ARGUMENT,
                                    "the header of %zu tensors has %zu bytes, at most %d are read", count, padded,
                                    (int)VKN_SAFETENSORS_MAX_HEADER);
    }
    memset(grown + length, ' ', padded - length);
    grown[padded] = '\0';
    *out = grown;
    return VKN_OK;
}

// What a file holds.
typedef struct contents {
    const char *header;
    const vkn_safetensor *order;
    size_t count;
} contents;

static bool write_contents(FILE *stream, const void *user) {
    const contents *c = user;
    const uint64_t header_bytes = strlen(c->header);
    unsigned char size[8];
    for (int i = 0; i < 8; i++) {
        size[i] = (unsigned char)(header_bytes >> (8 * i));
    }
    bool ok = fwrite(size, 1, sizeof size, stream) == sizeof size;
    ok = ok && fwrite(c->header, 1, header_bytes, stream) == header_bytes;
    for (size_t i = 0; ok && i < c->count; i++) {
        const vkn_safetensor *tensor = &c->order[i];
        ok = tensor->bytes == 0 || fwrite(tensor->data, 1, tensor->bytes, stream) == tensor->bytes;
    }
    return ok;
}

vkn_result vkn_safetensors_save(const char *path, const vkn_safetensor *tensors, size_t count,
                                vkn_safetensors_error *error) {
    vkn_safetensor *order = calloc(count + 1, sizeof *order);
    if (!order) {
        return vkn_safetensors_fail(error, VKN_OUT_OF_MEMORY, "no memory for %zu tensors", count);
    }
    if (count > 0) {
        memcpy(order, tensors, count * sizeof *order);
    }
    qsort(order, count, sizeof *order, compare_elements);
    char *header;
    vkn_result result = make_header(order, count, &header, error);
    if (result == VKN_OK) {
        result =
            vkn_file_replace(path, write_contents, &(contents){header, order, count}, error->text, sizeof error->text);
    }
    free(header);
    free(order);
    return result;
}
