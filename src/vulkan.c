// SPDX-License-Identifier: MIT
#include "vulkan.h"
#include "error.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// volk keeps what it loads in globals; they are read and written only under this lock.
static pthread_mutex_t volk_mutex = PTHREAD_MUTEX_INITIALIZER;

vkn_result vkn_loader_open(PFN_vkGetInstanceProcAddr *out) {
    static bool opened;
    pthread_mutex_lock(&volk_mutex);
    if (!opened) opened = volkInitialize() == VK_SUCCESS && vkGetInstanceProcAddr;
    *out = opened ? vkGetInstanceProcAddr : NULL;
    pthread_mutex_unlock(&volk_mutex);
    if (!*out) return vkn_fail(VKN_NO_DEVICE, "no Vulkan loader: libvulkan.so.1 was not found or is not one");
    return VKN_OK;
}

void vkn_device_load(struct VolkDeviceTable *table, VkDevice device, PFN_vkGetDeviceProcAddr get) {
    pthread_mutex_lock(&volk_mutex);
    vkGetDeviceProcAddr = get;
    volkLoadDeviceTable(table, device);
    pthread_mutex_unlock(&volk_mutex);
}

// Whether the instance extension is there; without the function or memory to ask, it is not.
static bool has_instance_extension(PFN_vkGetInstanceProcAddr get, const char *name) {
    PFN_vkEnumerateInstanceExtensionProperties enumerate =
        (PFN_vkEnumerateInstanceExtensionProperties)get(NULL, "vkEnumerateInstanceExtensionProperties");
    uint32_t count = 0;
    if (!enumerate || enumerate(NULL, &count, NULL) != VK_SUCCESS || count == 0) return false;
    VkExtensionProperties *all = calloc(count, sizeof *all);
    bool found = false;
    if (all && enumerate(NULL, &count, all) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count; ++i)
            found = found || strcmp(all[i].extensionName, name) == 0;
    free(all);
    return found;
}

vkn_result vkn_instance_create(PFN_vkGetInstanceProcAddr get, const VkAllocationCallbacks *allocator, VkInstance *out) {
    *out = VK_NULL_HANDLE;
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");
    PFN_vkEnumerateInstanceVersion version_of = (PFN_vkEnumerateInstanceVersion)get(NULL, "vkEnumerateInstanceVersion");
    uint32_t version = VK_API_VERSION_1_0;
    if (!create || !version_of || version_of(&version) != VK_SUCCESS || version < VK_API_VERSION_1_1)
        return vkn_fail(VKN_UNSUPPORTED, "the Vulkan loader is of version %u.%u, vknorm needs 1.1",
                        VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));

    const char *const portability = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    bool has_portability = has_instance_extension(get, portability);
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .pEngineName = "vknorm", .apiVersion = VK_API_VERSION_1_1};
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .flags = has_portability ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
        .pApplicationInfo = &application,
        .enabledExtensionCount = has_portability ? 1 : 0,
        .ppEnabledExtensionNames = &portability,
    };
    VkResult result = create(&info, allocator, out);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return vkn_fail(VKN_NO_DEVICE, "no Vulkan driver: the loader found none that works");
    if (result != VK_SUCCESS) return vkn_fail_vulkan(result, "vkCreateInstance");
    return VKN_OK;
}

vkn_result vkn_instance_load(vkn_instance_functions *functions, VkInstance instance, PFN_vkGetInstanceProcAddr get) {
#define X(name)                                                                                                        \
    functions->name = (PFN_##name)get(instance, #name);                                                                \
    if (!functions->name) return vkn_fail(VKN_UNSUPPORTED, "the Vulkan instance lacks %s: it is older than 1.1", #name);
    VKN_INSTANCE_FUNCTIONS(X)
#undef X
    return VKN_OK;
}
