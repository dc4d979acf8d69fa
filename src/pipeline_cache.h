// SPDX-License-Identifier: MIT
// The driver's pipeline cache, and the file it is kept in from one start to the next.
#ifndef VKN_PIPELINE_CACHE_H
#define VKN_PIPELINE_CACHE_H
#include "cache_file.h"
#include "vulkan.h"
#include <pthread.h>
#include <stdatomic.h>

typedef struct vkn_pipeline_cache {
    VkPipelineCache handle;
    char *path;                  // NULL: in memory only
    vkn_cache_identity identity; // of its file
    atomic_bool grown;           // a pipeline was built since the file was last written
    pthread_mutex_t mutex;       // of writing it
    uint64_t hash;               // of the file as it was last read or written
} vkn_pipeline_cache;

// Makes the cache of what the file at `path` holds (NULL: $VKNORM_CACHE; "": none). A file that cannot be used is
// logged, and no error.
vkn_result vkn_pipeline_cache_init(vkn_context *, const char *path);
// Writes the file where there is something new; what fails is logged. Tolerates a half-made state.
void vkn_pipeline_cache_destroy(vkn_context *);

#endif
