// SPDX-License-Identifier: MIT
// Vulkan, loaded at run time: the loader, an instance's functions, a device's table. No globals are used after loading.
#ifndef VKN_VULKAN_H
#define VKN_VULKAN_H
#include <volk.h>

#include <vknorm/vknorm.h>

#define VKN_INSTANCE_FUNCTIONS(X)                                                                                      \
    X(vkDestroyInstance)                                                                                               \
    X(vkEnumeratePhysicalDevices)                                                                                      \
    X(vkGetPhysicalDeviceProperties)                                                                                   \
    X(vkGetPhysicalDeviceProperties2)                                                                                  \
    X(vkGetPhysicalDeviceFeatures2)                                                                                    \
    X(vkGetPhysicalDeviceMemoryProperties)                                                                             \
    X(vkGetPhysicalDeviceQueueFamilyProperties)                                                                        \
    X(vkEnumerateDeviceExtensionProperties)                                                                            \
    X(vkCreateDevice)                                                                                                  \
    X(vkGetDeviceProcAddr)

typedef struct vkn_instance_functions {
#define X(name) PFN_##name name;
    VKN_INSTANCE_FUNCTIONS(X)
#undef X
} vkn_instance_functions;

// Opens the Vulkan loader of this machine, once per process.
vkn_result vkn_loader_open(PFN_vkGetInstanceProcAddr *out);
// Creates an instance of Vulkan 1.1.
vkn_result vkn_instance_create(PFN_vkGetInstanceProcAddr, const VkAllocationCallbacks *, VkInstance *out);
// Fails where the instance lacks a function: it is older than Vulkan 1.1.
vkn_result vkn_instance_load(vkn_instance_functions *, VkInstance, PFN_vkGetInstanceProcAddr);
void vkn_device_load(struct VolkDeviceTable *, VkDevice, PFN_vkGetDeviceProcAddr);

#endif
