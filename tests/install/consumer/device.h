// SPDX-License-Identifier: MIT
// An application's own Vulkan device, for vknorm to borrow. It calls vk*: the loader's functions, or volk's pointers.
#ifndef DEVICE_H
#define DEVICE_H
#include <stdio.h>

typedef struct device {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice handle;
    VkQueue queue;
    uint32_t family;
} device;

static VkResult device_open_instance(device *self) {
    const VkApplicationInfo application = {
        VK_STRUCTURE_TYPE_APPLICATION_INFO, NULL, "consumer", 0, NULL, 0, VK_API_VERSION_1_1};
    const VkInstanceCreateInfo info = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, NULL, 0, &application, 0, NULL, 0, NULL};
    return vkCreateInstance(&info, NULL, &self->instance);
}

static VkResult device_open(device *self) {
    uint32_t count = 1;
    VkResult result = vkEnumeratePhysicalDevices(self->instance, &count, &self->physical);
    if (result < 0 || count == 0) return result < 0 ? result : VK_ERROR_INITIALIZATION_FAILED;
    VkQueueFamilyProperties families[16];
    uint32_t family_count = 16;
    vkGetPhysicalDeviceQueueFamilyProperties(self->physical, &family_count, families);
    while (self->family < family_count && !(families[self->family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        self->family++;
    if (self->family == family_count) return VK_ERROR_FEATURE_NOT_PRESENT;

    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {
        VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, NULL, 0, self->family, 1, &priority};
    const VkDeviceCreateInfo info = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, NULL, 0, 1, &queue, 0, NULL, 0, NULL, NULL};
    result = vkCreateDevice(self->physical, &info, NULL, &self->handle);
    if (result == VK_SUCCESS) vkGetDeviceQueue(self->handle, self->family, 0, &self->queue);
    return result;
}

static int device_lend(const device *self) {
    static vkn_context_info info;
    info.instance = self->instance;
    info.physical_device = self->physical;
    info.vk_device = self->handle;
    info.queue = self->queue;
    info.queue_family = self->family;
    info.get_instance_proc_addr = vkGetInstanceProcAddr;
    vkn_context *context = NULL;
    if (vkn_context_create(&info, &context) != VKN_OK) {
        printf("%s\n", vkn_error_message());
        return 1;
    }
    const int failed = norm_check(context);
    vkn_context_destroy(context);
    return failed;
}

// After vknorm the application's functions must still be its own, and the device still usable.
static int device_close(device *self) {
    const VkResult result = self->handle ? vkDeviceWaitIdle(self->handle) : VK_ERROR_DEVICE_LOST;
    if (self->handle) vkDestroyDevice(self->handle, NULL);
    if (self->instance) vkDestroyInstance(self->instance, NULL);
    return result == VK_SUCCESS ? 0 : 1;
}
#endif
