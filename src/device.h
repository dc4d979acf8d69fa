// SPDX-License-Identifier: MIT
// One physical device: which one is meant, and what it can do.
#ifndef VKN_DEVICE_H
#define VKN_DEVICE_H
#include "vulkan.h"

// What `vkn_device_describe` finds out beside the public vkn_device_info.
typedef struct vkn_device {
    vkn_device_info info;
    VkPhysicalDeviceMemoryProperties memory;
    VkDeviceSize atom; // nonCoherentAtomSize
    // Where the device has them and, if it is borrowed, was created with them.
    bool has_push_descriptor, has_statistics, has_16bit_storage;
    bool has_portability_subset;
} vkn_device;

// The device that `wanted` (an index or a part of a name; NULL: $VKNORM_DEVICE; both unset: the best kind) means.
vkn_result vkn_device_find(const vkn_instance_functions *, VkInstance, const char *wanted, VkPhysicalDevice *out);
// The first queue family with compute; prefers one without graphics.
vkn_result vkn_device_queue_family(const vkn_instance_functions *, VkPhysicalDevice, uint32_t *out);
// VKN_OK where the family exists and has compute.
vkn_result vkn_device_check_family(const vkn_instance_functions *, VkPhysicalDevice, uint32_t family);
// What the device has, of a borrowed one only what vkn_context_info says it was created with, and what of it to use.
vkn_result vkn_device_describe(const vkn_instance_functions *, VkPhysicalDevice, const vkn_context_info *,
                               vkn_device *out);

#endif
