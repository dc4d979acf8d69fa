// SPDX-License-Identifier: MIT
// The form of a pipeline cache's file: a header that says for whom it was written, then the driver's data. Drivers take
// those as they are, so nothing reaches one that is not what it gave. Numbers are little-endian.
#ifndef VKN_CACHE_FILE_H
#define VKN_CACHE_FILE_H
#include "vulkan.h"

enum { VKN_CACHE_HEADER_BYTES = 68, VKN_CACHE_MOST_BYTES = 256 << 20 };

// Whom a file is for. Not every driver changes its UUID with its version, or with the size of a pointer.
typedef struct vkn_cache_identity {
    uint32_t vendor_id, device_id, driver_version;
    uint8_t uuid[VK_UUID_SIZE]; // pipelineCacheUUID
    uint64_t shaders;           // a hash of their code: what other versions of it made would only be carried along
} vkn_cache_identity;

// Whether a file is whole and for `identity`: its data then follow its header. Else `why` gets the field and both
// values.
bool vkn_cache_check(const void *file, size_t bytes, const vkn_cache_identity *, char *why, size_t why_bytes);
// Writes the header of a file whose data are in place. False where they are too many, or not the driver's for
// `identity`.
bool vkn_cache_seal(void *file, size_t bytes, const vkn_cache_identity *, char *why, size_t why_bytes);
// The hash that a file's header holds.
uint64_t vkn_cache_hash(const void *file);

#endif
