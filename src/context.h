// SPDX-License-Identifier: MIT
// The context: one device, its functions, and what all recorders share.
#ifndef VKN_CONTEXT_H
#define VKN_CONTEXT_H
#include "device.h"
#include "error.h"
#include "limits.h"
#include "pipeline.h"
#include "pipeline_cache.h"
#include <pthread.h>
#include <stdatomic.h>

enum { VKN_MAX_EXTENSIONS = 4 };

struct vkn_context {
    bool borrowed;
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice device;
    VkQueue queue; // may be VK_NULL_HANDLE when borrowed
    uint32_t queue_family;
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;
    const VkAllocationCallbacks *allocator;
    const char *extensions[VKN_MAX_EXTENSIONS]; // that the device was created with and vknorm uses; static text
    uint32_t extension_count;
    VkPhysicalDeviceFeatures2 features; // likewise, a chain: `storage_16bit` is next
    VkPhysicalDevice16BitStorageFeatures storage_16bit;
    vkn_instance_functions fn;
    struct VolkDeviceTable vk;
    vkn_device about;
    bool capture_statistics;
    vkn_limits limits;
    void (*log)(void *user, vkn_log_level level, const char *text);
    void *log_user;

    atomic_bool lost;            // sticky: the device is gone, calls fail fast
    pthread_mutex_t queue_mutex; // vkQueueSubmit
    pthread_mutex_t pipelines_mutex;
    vkn_pipelines pipelines;
    vkn_pipeline_cache cache;
};

bool vkn_context_uses(const vkn_context *, vkn_feature);
// VKN_OK, or VKN_DEVICE_LOST with a message.
vkn_result vkn_context_alive(const vkn_context *);
// As vkn_fail_vulkan; remembers that the device was lost.
vkn_result vkn_context_fail(vkn_context *, VkResult, const char *what);
// To vkn_context_info.log, where there is one.
void vkn_context_log(const vkn_context *, vkn_log_level, const char *format, ...) VKN_PRINTF(3, 4);
// Submits one command buffer and waits for it. `fence` is unsignaled before and after.
vkn_result vkn_context_submit(vkn_context *, VkCommandBuffer, VkFence fence);

#endif
