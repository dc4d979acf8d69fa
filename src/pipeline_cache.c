// SPDX-License-Identifier: MIT
#include "pipeline_cache.h"
#include "context.h"
#include "error.h"
#include "file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_BYTES = 400 };

static vkn_cache_identity identity_of(const vkn_context *context) {
    VkPhysicalDeviceProperties properties;
    context->fn.vkGetPhysicalDeviceProperties(context->physical_device, &properties);
    vkn_cache_identity identity = {.vendor_id = properties.vendorID,
                                   .device_id = properties.deviceID,
                                   .driver_version = properties.driverVersion,
                                   .shaders = vkn_shaders_hash()};
    memcpy(identity.uuid, properties.pipelineCacheUUID, VK_UUID_SIZE);
    return identity;
}

// ---- Reading -------------------------------------------------------------------------------------------------------
// The whole file, for the caller to free; NULL where it cannot be used.
static void *read_cache(vkn_context *context, size_t *bytes) {
    const char *path = context->cache.path;
    char why[WHY_BYTES];
    void *file;
    if (vkn_file_read(path, VKN_CACHE_MOST_BYTES, &file, bytes, why, sizeof why) != VKN_OK) {
        vkn_context_log(context, VKN_LOG_INFO, "%s: no pipelines are taken from it: %s", vkn_file_show(path).text, why);
        return NULL;
    }
    if (vkn_cache_check(file, *bytes, &context->cache.identity, why, sizeof why)) return file;
    vkn_context_log(context, VKN_LOG_WARNING, "%s: no pipelines are taken from it: %s", vkn_file_show(path).text, why);
    free(file);
    return NULL;
}

static vkn_result create(vkn_context *context, const VkPipelineCacheCreateInfo *info) {
    VkResult result =
        context->vk.vkCreatePipelineCache(context->device, info, context->allocator, &context->cache.handle);
    return result == VK_SUCCESS ? VKN_OK : vkn_context_fail(context, result, "vkCreatePipelineCache");
}

static vkn_result create_from_file(vkn_context *context, const char *file, size_t bytes) {
    const VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                            .initialDataSize = bytes - VKN_CACHE_HEADER_BYTES,
                                            .pInitialData = file + VKN_CACHE_HEADER_BYTES};
    vkn_result result = create(context, &info);
    vkn_file_name name = vkn_file_show(context->cache.path);
    if (result == VKN_OK) {
        context->cache.hash = vkn_cache_hash(file);
        vkn_context_log(context, VKN_LOG_INFO, "%s: %zu bytes of pipelines", name.text, info.initialDataSize);
    } else {
        vkn_context_log(context, VKN_LOG_WARNING, "%s: no pipelines are taken from it: %s", name.text,
                        vkn_error_message());
    }
    return result;
}

vkn_result vkn_pipeline_cache_init(vkn_context *context, const char *path) {
    static const VkPipelineCacheCreateInfo empty = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    if (!path) path = getenv("VKNORM_CACHE");
    if (!path || !*path) return create(context, &empty);
    size_t length = strlen(path) + 1, bytes;
    context->cache.path = malloc(length);
    if (!context->cache.path) return vkn_fail(VKN_OUT_OF_MEMORY, "cache_path: out of host memory");
    memcpy(context->cache.path, path, length);
    context->cache.identity = identity_of(context);
    void *file = read_cache(context, &bytes);
    vkn_result result = file ? create_from_file(context, file, bytes) : create(context, &empty);
    if (file && result != VKN_OK) result = create(context, &empty);
    free(file);
    return result;
}

// ---- Writing -------------------------------------------------------------------------------------------------------
typedef struct contents {
    char *file; // the header's room, then the driver's data
    size_t bytes;
} contents;

static bool write_contents(FILE *stream, const void *user) {
    const contents *c = user;
    return fwrite(c->file, 1, c->bytes, stream) == c->bytes;
}

// What the driver holds; nothing may be built meanwhile. `c->file` is to be freed after a failure too.
static vkn_result fetch(vkn_context *context, contents *c, char *why, size_t why_bytes) {
    size_t data = 0;
    VkResult got = context->vk.vkGetPipelineCacheData(context->device, context->cache.handle, &data, NULL);
    if (got == VK_SUCCESS) c->file = malloc(VKN_CACHE_HEADER_BYTES + data);
    if (got == VK_SUCCESS && !c->file) {
        (void)snprintf(why, why_bytes, "out of host memory for %zu bytes of pipelines", data);
        return VKN_OUT_OF_MEMORY;
    }
    if (got == VK_SUCCESS && data)
        got = context->vk.vkGetPipelineCacheData(context->device, context->cache.handle, &data,
                                                 c->file + VKN_CACHE_HEADER_BYTES);
    c->bytes = VKN_CACHE_HEADER_BYTES + data;
    if (got == VK_SUCCESS) return VKN_OK;
    (void)snprintf(why, why_bytes, "vkGetPipelineCacheData: VkResult %d", (int)got);
    return VKN_OUT_OF_MEMORY; // the only error it has
}

static vkn_result write_cache(vkn_context *context, const contents *c, char *why, size_t why_bytes) {
    vkn_pipeline_cache *cache = &context->cache;
    if (!vkn_cache_seal(c->file, c->bytes, &cache->identity, why, why_bytes)) return VKN_UNSUPPORTED;
    if (vkn_cache_hash(c->file) == cache->hash) return VKN_OK; // all that was built has been in the file
    vkn_result result = vkn_file_replace(cache->path, write_contents, c, why, why_bytes);
    if (result == VKN_OK) cache->hash = vkn_cache_hash(c->file);
    return result;
}

static vkn_result save(vkn_context *context, char *why, size_t why_bytes) {
    contents c = {0};
    vkn_result result = VKN_OK;
    pthread_mutex_lock(&context->cache.mutex);
    if (atomic_exchange(&context->cache.grown, false)) {
        pthread_mutex_lock(&context->pipelines_mutex);
        result = fetch(context, &c, why, why_bytes);
        pthread_mutex_unlock(&context->pipelines_mutex);
        if (result == VKN_OK) result = write_cache(context, &c, why, why_bytes);
        if (result != VKN_OK) atomic_store(&context->cache.grown, true);
    }
    pthread_mutex_unlock(&context->cache.mutex);
    free(c.file);
    return result;
}

vkn_result vkn_context_save_pipelines(vkn_context *context) {
    if (!context) return vkn_fail(VKN_BAD_ARGUMENT, "context: NULL");
    vkn_result result = vkn_context_alive(context);
    if (result != VKN_OK) return result;
    const char *path = context->cache.path;
    if (!path) return vkn_fail(VKN_BAD_ARGUMENT, "cache_path: this context was created without one");
    char why[WHY_BYTES];
    result = save(context, why, sizeof why);
    return result == VKN_OK ? VKN_OK : vkn_fail(result, "%s: %s", vkn_file_show(path).text, why);
}

void vkn_pipeline_cache_destroy(vkn_context *context) {
    vkn_pipeline_cache *cache = &context->cache;
    char why[WHY_BYTES];
    if (cache->path && cache->handle && !atomic_load(&context->lost) && save(context, why, sizeof why) != VKN_OK)
        vkn_context_log(context, VKN_LOG_WARNING, "%s: pipelines are not kept: %s", vkn_file_show(cache->path).text,
                        why);
    if (cache->handle) context->vk.vkDestroyPipelineCache(context->device, cache->handle, context->allocator);
    free(cache->path);
}
