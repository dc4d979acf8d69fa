// SPDX-License-Identifier: MIT
#include "own_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool has_extension(VkPhysicalDevice physical, const char *name) {
    VkExtensionProperties all[512];
    uint32_t count = sizeof all / sizeof *all;
    assert_true(vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all) >= 0);
    for (uint32_t i = 0; i < count; i++) {
        if (!strcmp(all[i].extensionName, name)) return true;
    }
    return false;
}

static uint32_t compute_family(VkPhysicalDevice physical) {
    VkQueueFamilyProperties families[32];
    uint32_t count = sizeof families / sizeof *families, family = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    while (family < count && !(families[family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        family++;
    assert_true(family < count);
    return family;
}

static void enable_features(struct own_device *own, bool wants_16bit) {
    own->storage_16bit.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
    own->features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    own->features.pNext = &own->storage_16bit;
    vkGetPhysicalDeviceFeatures2(own->physical, &own->features);
    VkBool32 has_16bit = own->storage_16bit.storageBuffer16BitAccess;
    own->features.features = (VkPhysicalDeviceFeatures){0};
    own->storage_16bit = (VkPhysicalDevice16BitStorageFeatures){.sType = own->storage_16bit.sType,
                                                                .storageBuffer16BitAccess = wants_16bit && has_16bit};
}

void own_device_open(struct own_device *own, uint32_t wanted) {
    *own = (struct own_device){0};
    assert_int_equal(volkInitialize(), VK_SUCCESS);
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1};
    VkInstanceCreateInfo instance = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    assert_int_equal(vkCreateInstance(&instance, NULL, &own->instance), VK_SUCCESS);
    volkLoadInstance(own->instance);
    uint32_t one = 1;
    assert_true(vkEnumeratePhysicalDevices(own->instance, &one, &own->physical) >= 0 && one == 1);
    own->family = compute_family(own->physical);
    enable_features(own, wanted & VKN_FEATURE_STORAGE_16BIT);
    if (wanted & VKN_FEATURE_PUSH_DESCRIPTOR && has_extension(own->physical, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME)) {
        own->extensions[own->extension_count++] = VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME;
    }
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = own->family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo device = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                 .pNext = &own->features,
                                 .queueCreateInfoCount = 1,
                                 .pQueueCreateInfos = &queue,
                                 .enabledExtensionCount = own->extension_count,
                                 .ppEnabledExtensionNames = own->extensions};
    assert_int_equal(vkCreateDevice(own->physical, &device, NULL, &own->device), VK_SUCCESS);
    volkLoadDevice(own->device);
    vkGetDeviceQueue(own->device, own->family, 0, &own->queue);
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = own->family};
    assert_int_equal(vkCreateCommandPool(own->device, &pool, NULL, &own->pool), VK_SUCCESS);
}

void own_device_close(struct own_device *own) {
    vkDestroyCommandPool(own->device, own->pool, NULL);
    vkDestroyDevice(own->device, NULL);
    vkDestroyInstance(own->instance, NULL);
}

vkn_context_info own_device_lend(const struct own_device *own) {
    return (vkn_context_info){
        .instance = own->instance,
        .physical_device = own->physical,
        .vk_device = own->device,
        .queue = own->queue,
        .queue_family = own->family,
        .get_instance_proc_addr = vkGetInstanceProcAddr,
        .enabled_extensions = own->extensions,
        .enabled_extension_count = own->extension_count,
        .enabled_features = &own->features,
    };
}
