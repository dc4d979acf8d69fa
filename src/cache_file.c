// SPDX-License-Identifier: MIT
#include "cache_file.h"
#include "hash.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// Our header, and VkPipelineCacheHeaderVersionOne, with which every driver's data begin.
#define FIELDS(X)                                                                                                      \
    X(MAGIC, 0, 8, "magic")                                                                                            \
    X(FORMAT, 8, 4, "format")                                                                                          \
    X(POINTER, 12, 4, "bytes of a pointer")                                                                            \
    X(VENDOR, 16, 4, "vendorID")                                                                                       \
    X(DEVICE, 20, 4, "deviceID")                                                                                       \
    X(DRIVER, 24, 4, "driverVersion")                                                                                  \
    X(UUID, 28, VK_UUID_SIZE, "pipelineCacheUUID")                                                                     \
    X(SHADERS, 44, 8, "hash of the shaders")                                                                           \
    X(BYTES, 52, 8, "bytes of data")                                                                                   \
    X(HASH, 60, 8, "hash")                                                                                             \
    X(DATA_HEADER, 68, 4, "headerSize of the data")                                                                    \
    X(DATA_VERSION, 72, 4, "headerVersion of the data")                                                                \
    X(DATA_VENDOR, 76, 4, "vendorID of the data")                                                                      \
    X(DATA_DEVICE, 80, 4, "deviceID of the data")                                                                      \
    X(DATA_UUID, 84, VK_UUID_SIZE, "pipelineCacheUUID of the data")
enum {
#define X(id, at, bytes, name) AT_##id = (at),
    FIELDS(X)
#undef X
        DATA_HEADER_BYTES = 32,
    BOTH_HEADERS = VKN_CACHE_HEADER_BYTES + DATA_HEADER_BYTES,
    FORMAT = 1,
};
_Static_assert((int)AT_DATA_HEADER == (int)VKN_CACHE_HEADER_BYTES, "the data follow the header");

static const struct field {
    const char *name;
    size_t at, bytes;
} fields[] = {
#define X(id, at, bytes, name) {name, at, bytes},
    FIELDS(X)
#undef X
};

static const uint8_t magic[] = {'V', 'K', 'N', 'P', 'I', 'P', 'E', 'S'};

static void put(uint8_t *at, size_t bytes, uint64_t value) {
    for (size_t i = 0; i < bytes; ++i)
        at[i] = (uint8_t)(value >> (8 * i));
}

// Both headers as they must be for the data behind them.
static void expect(uint8_t *both, const uint8_t *file, size_t bytes, const vkn_cache_identity *identity) {
    memcpy(both + AT_MAGIC, magic, sizeof magic);
    put(both + AT_FORMAT, 4, FORMAT);
    put(both + AT_POINTER, 4, sizeof(void *));
    put(both + AT_VENDOR, 4, identity->vendor_id);
    put(both + AT_DEVICE, 4, identity->device_id);
    put(both + AT_DRIVER, 4, identity->driver_version);
    memcpy(both + AT_UUID, identity->uuid, VK_UUID_SIZE);
    put(both + AT_SHADERS, 8, identity->shaders);
    put(both + AT_BYTES, 8, bytes - VKN_CACHE_HEADER_BYTES);
    put(both + AT_HASH, 8,
        vkn_hash(file + VKN_CACHE_HEADER_BYTES, bytes - VKN_CACHE_HEADER_BYTES, vkn_hash(both, AT_HASH, 0)));
    put(both + AT_DATA_HEADER, 4, DATA_HEADER_BYTES);
    put(both + AT_DATA_VERSION, 4, VK_PIPELINE_CACHE_HEADER_VERSION_ONE);
    put(both + AT_DATA_VENDOR, 4, identity->vendor_id);
    put(both + AT_DATA_DEVICE, 4, identity->device_id);
    memcpy(both + AT_DATA_UUID, identity->uuid, VK_UUID_SIZE);
}

typedef struct hex {
    char text[2 * VK_UUID_SIZE + 1];
} hex;

static hex hex_of(const uint8_t *at, size_t bytes) {
    hex result = {""};
    for (size_t i = 0; i < bytes; ++i)
        (void)snprintf(result.text + 2 * i, 3, "%02x", at[i]);
    return result;
}

static bool same(const uint8_t *file, const uint8_t *both, char *why, size_t why_bytes) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) {
        const struct field *f = &fields[i];
        if (memcmp(file + f->at, both + f->at, f->bytes) == 0) continue;
        (void)snprintf(why, why_bytes, "%s: the bytes %s, must be %s", f->name, hex_of(file + f->at, f->bytes).text,
                       hex_of(both + f->at, f->bytes).text);
        return false;
    }
    return true;
}

static bool check_size(size_t bytes, char *why, size_t why_bytes) {
    if (bytes >= BOTH_HEADERS && bytes <= VKN_CACHE_MOST_BYTES) return true;
    (void)snprintf(why, why_bytes, "%zu bytes, must be %d to %d", bytes, (int)BOTH_HEADERS, (int)VKN_CACHE_MOST_BYTES);
    return false;
}

bool vkn_cache_check(const void *file, size_t bytes, const vkn_cache_identity *identity, char *why, size_t why_bytes) {
    uint8_t both[BOTH_HEADERS];
    if (!check_size(bytes, why, why_bytes)) return false;
    expect(both, file, bytes, identity);
    return same(file, both, why, why_bytes);
}

bool vkn_cache_seal(void *file, size_t bytes, const vkn_cache_identity *identity, char *why, size_t why_bytes) {
    uint8_t both[BOTH_HEADERS];
    if (!check_size(bytes, why, why_bytes)) return false;
    expect(both, file, bytes, identity);
    memcpy(file, both, VKN_CACHE_HEADER_BYTES);
    return same(file, both, why, why_bytes);
}

uint64_t vkn_cache_hash(const void *file) {
    uint64_t hash = 0;
    for (size_t i = 0; i < 8; ++i)
        hash |= (uint64_t)((const uint8_t *)file)[AT_HASH + i] << (8 * i);
    return hash;
}
