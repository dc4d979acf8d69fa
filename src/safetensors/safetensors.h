// SPDX-License-Identifier: MIT
// Files of tensors in the safetensors format: the header's size (u64, little-endian), a JSON header that gives each
// tensor's dtype, shape and place, and the tensors' bytes, without holes.
#ifndef VKN_SAFETENSORS_H
#define VKN_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include <vknorm/vknorm.h>

enum { VKN_SAFETENSORS_MAX_RANK = 16, VKN_SAFETENSORS_MAX_HEADER = 16 << 20 };

// Name in the file, bytes of an element.
#define VKN_SAFETENSORS_DTYPES(X)                                                                                      \
    X(F64, 8)                                                                                                          \
    X(F32, 4)                                                                                                          \
    X(F16, 2)                                                                                                          \
    X(BF16, 2)                                                                                                         \
    X(F8_E4M3, 1)                                                                                                      \
    X(F8_E5M2, 1)                                                                                                      \
    X(I64, 8)                                                                                                          \
    X(I32, 4)                                                                                                          \
    X(I16, 2)                                                                                                          \
    X(I8, 1)                                                                                                           \
    X(U64, 8)                                                                                                          \
    X(U32, 4)                                                                                                          \
    X(U16, 2)                                                                                                          \
    X(U8, 1)                                                                                                           \
    X(BOOL, 1)

typedef enum vkn_safetensors_dtype {
#define X(name, bytes) VKN_SAFETENSORS_##name,
    VKN_SAFETENSORS_DTYPES(X)
#undef X
        VKN_SAFETENSORS_DTYPE_COUNT
} vkn_safetensors_dtype;

const char *vkn_safetensors_dtype_name(vkn_safetensors_dtype);
uint64_t vkn_safetensors_dtype_bytes(vkn_safetensors_dtype); // of one element

// One tensor. Rank 0 is a single element; sizes may be zero. `data` need not be aligned.
typedef struct vkn_safetensor {
    const char *name;
    vkn_safetensors_dtype dtype;
    uint32_t rank;
    uint64_t shape[VKN_SAFETENSORS_MAX_RANK];
    const void *data;
    uint64_t bytes;
} vkn_safetensor;

typedef struct vkn_safetensors {
    size_t count;
    vkn_safetensor *tensors; // sorted by name
    struct json_t *header;   // owns the names
    void *file;              // owns the data; NULL after vkn_safetensors_parse
} vkn_safetensors;

// What was wrong: the tensor, the field, and both values. It does not name the file.
typedef struct vkn_safetensors_error {
    char text[512];
} vkn_safetensors_error;

// Reads a whole file. Errors: VKN_IO, VKN_BAD_FILE, VKN_OUT_OF_MEMORY; *out is then empty.
vkn_result vkn_safetensors_load(const char *path, vkn_safetensors *out, vkn_safetensors_error *error);
// The same from memory, which must outlive *out.
vkn_result vkn_safetensors_parse(const void *file, size_t size, vkn_safetensors *out, vkn_safetensors_error *error);
void vkn_safetensors_free(vkn_safetensors *);
// NULL where there is no such tensor.
const vkn_safetensor *vkn_safetensors_find(const vkn_safetensors *, const char *name);

// Writes a file beside `path` and renames it to `path`, so that a failure leaves what was there untouched. `bytes` of
// each tensor must be that of its dtype and shape, names must be unique and UTF-8.
vkn_result vkn_safetensors_save(const char *path, const vkn_safetensor *tensors, size_t count,
                                vkn_safetensors_error *error);

// A shape as "[2, 3]".
typedef struct vkn_safetensors_shape {
    char text[VKN_SAFETENSORS_MAX_RANK * 22 + 3];
} vkn_safetensors_shape;
vkn_safetensors_shape vkn_safetensors_print_shape(uint32_t rank, const uint64_t *shape);

// Shared by reader and writer.
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
vkn_result
vkn_safetensors_fail(vkn_safetensors_error *error, vkn_result result, const char *format, ...);
// Bytes of dtype and shape; UINT64_MAX when they do not fit.
uint64_t vkn_safetensors_bytes(vkn_safetensors_dtype dtype, uint32_t rank, const uint64_t *shape);
// The value as compact JSON, for the caller to free; NULL when memory ran out. An application may have given jansson
// an allocator of its own, so what jansson allocates is not ours to free.
char *vkn_safetensors_json_text(const struct json_t *value);

#endif
