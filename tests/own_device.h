// SPDX-License-Identifier: MIT
// A Vulkan device that the test opens itself, through volk, and lends to vknorm.
#ifndef TESTS_OWN_DEVICE_H
#define TESTS_OWN_DEVICE_H

#include <volk.h>

#include <vknorm/vknorm.h>

struct own_device {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family;
    VkCommandPool pool;
    const char *extensions[1];
    uint32_t extension_count;
    VkPhysicalDeviceFeatures2 features; // `storage_16bit` is next
    VkPhysicalDevice16BitStorageFeatures storage_16bit;
};
// Opens the first device, with what of `wanted` (vkn_feature bits: push_descriptor, 16bit) it has. Fails the running
// test.
void own_device_open(struct own_device *, uint32_t wanted);
void own_device_close(struct own_device *);
// What borrows it.
vkn_context_info own_device_lend(const struct own_device *);

#endif
