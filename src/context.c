// SPDX-License-Identifier: MIT
#include "context.h"
#include "error.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool vkn_context_uses(const vkn_context *context, vkn_feature feature) {
    return (context->about.info.used & (uint32_t)feature) != 0;
}

vkn_result vkn_context_alive(const vkn_context *context) {
    if (atomic_load(&context->lost))
        return vkn_fail(VKN_DEVICE_LOST, "the device of this context was lost: destroy it and create a new one");
    return VKN_OK;
}

void vkn_context_log(const vkn_context *context, vkn_log_level level, const char *format, ...) {
    if (!context->log) return;
    char text[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE + 512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    context->log(context->log_user, level, text);
}

vkn_result vkn_context_fail(vkn_context *context, VkResult result, const char *what) {
    if (result == VK_ERROR_DEVICE_LOST) {
        atomic_store(&context->lost, true);
        vkn_context_log(context, VKN_LOG_ERROR, "the device was lost");
    }
    return vkn_fail_vulkan(result, what);
}

vkn_result vkn_context_submit(vkn_context *context, VkCommandBuffer commands, VkFence fence) {
    if (!context->queue)
        return vkn_fail(VKN_UNSUPPORTED, "queue: VK_NULL_HANDLE was borrowed, so this context cannot submit");
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
    pthread_mutex_lock(&context->queue_mutex);
    VkResult result = context->vk.vkQueueSubmit(context->queue, 1, &submit, fence);
    pthread_mutex_unlock(&context->queue_mutex);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkQueueSubmit");
    result = context->vk.vkWaitForFences(context->device, 1, &fence, VK_TRUE, UINT64_MAX);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkWaitForFences");
    result = context->vk.vkResetFences(context->device, 1, &fence);
    if (result != VK_SUCCESS) return vkn_context_fail(context, result, "vkResetFences");
    return VKN_OK;
}

// ---- Opening and borrowing ---------------------------------------------------------------------------------------
typedef struct part {
    const char *field;
    bool given;
} part;

// A borrowed device has all its parts; our own has none of them, nor what tells more of a borrowed one.
static vkn_result check_borrowed(const vkn_context_info *info) {
    const part parts[] = {{"instance", info->instance != VK_NULL_HANDLE},
                          {"physical_device", info->physical_device != VK_NULL_HANDLE},
                          {"vk_device", info->vk_device != VK_NULL_HANDLE},
                          {"get_instance_proc_addr", info->get_instance_proc_addr != NULL}};
    const part more[] = {{"queue", info->queue != VK_NULL_HANDLE},
                         {"enabled_extensions", info->enabled_extensions != NULL},
                         {"enabled_features", info->enabled_features != NULL}};
    bool any = false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i)
        any = any || parts[i].given;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && any; ++i)
        if (!parts[i].given)
            return vkn_fail(VKN_BAD_ARGUMENT,
                            "%s: missing, and a borrowed device needs all of instance, "
                            "physical_device, vk_device and get_instance_proc_addr",
                            parts[i].field);
    for (size_t i = 0; i < sizeof more / sizeof *more && !any; ++i)
        if (more[i].given)
            return vkn_fail(VKN_BAD_ARGUMENT, "%s: given, but vk_device is not: it goes with a borrowed device",
                            more[i].field);
    if (any && info->device)
        return vkn_fail(VKN_BAD_ARGUMENT, "device: \"%s\" given, but the device is borrowed", info->device);
    if (info->enabled_extension_count && !info->enabled_extensions)
        return vkn_fail(VKN_BAD_ARGUMENT, "enabled_extensions: NULL, but enabled_extension_count is %u",
                        info->enabled_extension_count);
    if (info->enabled_features && info->enabled_features->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2)
        return vkn_fail(VKN_BAD_ARGUMENT,
                        "enabled_features: sType %d, must be %d (VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2)",
                        (int)info->enabled_features->sType, (int)VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
    return VKN_OK;
}

static vkn_result check_info(const vkn_context_info *info) {
    if (info->max_binding_bytes && info->max_binding_bytes < 65536)
        return vkn_fail(VKN_BAD_ARGUMENT, "max_binding_bytes: %llu, must be 0 or at least 65536",
                        (unsigned long long)info->max_binding_bytes);
    if (info->max_workgroups && info->max_workgroups < 64)
        return vkn_fail(VKN_BAD_ARGUMENT, "max_workgroups: %u, must be 0 or at least 64", info->max_workgroups);
    uint32_t known = (1u << VKN_FEATURE_COUNT) - 1;
    if (info->disable & ~known)
        return vkn_fail(VKN_BAD_ARGUMENT, "disable: 0x%x has bits beyond 0x%x", info->disable, known);
    return check_borrowed(info);
}

static void borrow(vkn_context *context, const vkn_context_info *info) {
    context->borrowed = true;
    context->instance = info->instance;
    context->physical_device = info->physical_device;
    context->device = info->vk_device;
    context->queue = info->queue;
    context->queue_family = info->queue_family;
    context->get_instance_proc_addr = info->get_instance_proc_addr;
}

static vkn_result open_device(vkn_context *context) {
    vkn_result result = vkn_device_queue_family(&context->fn, context->physical_device, &context->queue_family);
    if (result != VKN_OK) return result;
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pNext = &context->features,
        .pipelineExecutableInfo = VK_TRUE,
    };
    float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = context->queue_family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = context->capture_statistics ? (const void *)&statistics : &context->features,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = context->extension_count,
        .ppEnabledExtensionNames = context->extensions,
    };
    VkResult created =
        context->fn.vkCreateDevice(context->physical_device, &info, context->allocator, &context->device);
    if (created != VK_SUCCESS) return vkn_fail_vulkan(created, "vkCreateDevice");
    return VKN_OK;
}

static void name_extensions(vkn_context *context) {
    if (context->about.has_push_descriptor)
        context->extensions[context->extension_count++] = VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME;
    if (context->capture_statistics)
        context->extensions[context->extension_count++] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    if (context->about.has_portability_subset)
        context->extensions[context->extension_count++] = "VK_KHR_portability_subset";
}

// Of our own device only what is used is enabled, so that the validation layer sees what must not be.
static void name_features(vkn_context *context) {
    bool has_16bit =
        context->borrowed ? context->about.has_16bit_storage : vkn_context_uses(context, VKN_FEATURE_STORAGE_16BIT);
    context->storage_16bit = (VkPhysicalDevice16BitStorageFeatures){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
        .storageBuffer16BitAccess = has_16bit,
    };
    context->features = (VkPhysicalDeviceFeatures2){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &context->storage_16bit,
    };
}

static void log_choices(const vkn_context *context) {
    static const char *const names[] = {
#define X(name, bit, key, text) key,
        VKN_FEATURES(X)
#undef X
    };
    const vkn_device_info *info = &context->about.info;
    for (uint32_t i = 0; i < VKN_FEATURE_COUNT; ++i)
        if (info->why_off[i])
            vkn_context_log(context, VKN_LOG_INFO, "%s: %s is off: %s", info->name, names[i], info->why_off[i]);
}

static vkn_result choose_limits(vkn_context *context, const char *given) {
    vkn_device_info *info = &context->about.info;
    context->limits = vkn_limits_make(info);
    const char *source = given ? "limits" : "VKNORM_LIMITS";
    vkn_result result = vkn_limits_set(&context->limits, info, source, given ? given : getenv("VKNORM_LIMITS"));
    if (context->limits.subgroup == 1) context->limits.texels = 0; // no shader reads them without
    if (!context->limits.texels) info->max_texels = 0;
    vkn_limits_write(&context->limits, info->limits, sizeof info->limits);
    return result;
}

static vkn_result open_all(vkn_context *context, const vkn_context_info *info) {
    vkn_result result = VKN_OK;
    if (info->vk_device) {
        borrow(context, info);
    } else {
        result = vkn_loader_open(&context->get_instance_proc_addr);
        if (result == VKN_OK)
            result = vkn_instance_create(context->get_instance_proc_addr, context->allocator, &context->instance);
    }
    if (result == VKN_OK) result = vkn_instance_load(&context->fn, context->instance, context->get_instance_proc_addr);
    if (result == VKN_OK && context->borrowed)
        result = vkn_device_check_family(&context->fn, context->physical_device, context->queue_family);
    if (result == VKN_OK && !context->borrowed)
        result = vkn_device_find(&context->fn, context->instance, info->device, &context->physical_device);
    if (result == VKN_OK) result = vkn_device_describe(&context->fn, context->physical_device, info, &context->about);
    if (result == VKN_OK) result = choose_limits(context, info->limits);
    if (result != VKN_OK) return result;
    context->capture_statistics = info->capture_statistics && context->about.has_statistics;
    name_extensions(context);
    name_features(context);
    if (!context->borrowed) result = open_device(context);
    if (result != VKN_OK) return result;
    vkn_device_load(&context->vk, context->device, context->fn.vkGetDeviceProcAddr);
    if (!context->borrowed) context->vk.vkGetDeviceQueue(context->device, context->queue_family, 0, &context->queue);
    log_choices(context);
    result = vkn_pipeline_cache_init(context, info->cache_path);
    return result == VKN_OK ? vkn_pipelines_init(context) : result;
}

vkn_result vkn_context_create(const vkn_context_info *given, vkn_context **out) {
    if (!out) return vkn_fail(VKN_BAD_ARGUMENT, "out: NULL");
    *out = NULL;
    static const vkn_context_info defaults;
    const vkn_context_info *info = given ? given : &defaults;
    vkn_result result = check_info(info);
    if (result != VKN_OK) return result;
    vkn_context *context = calloc(1, sizeof *context);
    if (!context) return vkn_fail(VKN_OUT_OF_MEMORY, "context: out of host memory");
    pthread_mutex_init(&context->queue_mutex, NULL);
    pthread_mutex_init(&context->pipelines_mutex, NULL);
    pthread_mutex_init(&context->cache.mutex, NULL);
    context->allocator = info->allocator;
    context->log = info->log;
    context->log_user = info->log_user;
    result = open_all(context, info);
    if (result != VKN_OK) {
        vkn_context_destroy(context);
        return result;
    }
    *out = context;
    return VKN_OK;
}

void vkn_context_destroy(vkn_context *context) {
    if (!context) return;
    vkn_pipeline_cache_destroy(context);
    vkn_pipelines_destroy(context);
    if (!context->borrowed) {
        if (context->device && context->vk.vkDestroyDevice)
            context->vk.vkDestroyDevice(context->device, context->allocator);
        if (context->instance && context->fn.vkDestroyInstance)
            context->fn.vkDestroyInstance(context->instance, context->allocator);
    }
    pthread_mutex_destroy(&context->queue_mutex);
    pthread_mutex_destroy(&context->pipelines_mutex);
    pthread_mutex_destroy(&context->cache.mutex);
    free(context);
}

void vkn_context_get_info(const vkn_context *context, vkn_context_info *out) {
    *out = (vkn_context_info){
        .instance = context->instance,
        .physical_device = context->physical_device,
        .vk_device = context->device,
        .queue = context->queue,
        .queue_family = context->queue_family,
        .get_instance_proc_addr = context->get_instance_proc_addr,
        .enabled_extensions = context->extensions,
        .enabled_extension_count = context->extension_count,
        .enabled_features = &context->features,
        .allocator = context->allocator,
    };
}

void vkn_context_device_info(const vkn_context *context, vkn_device_info *out) {
    *out = context->about.info;
}

vkn_result vkn_device_count(uint32_t *count) {
    if (!count) return vkn_fail(VKN_BAD_ARGUMENT, "count: NULL");
    *count = 0;
    PFN_vkGetInstanceProcAddr get = NULL;
    VkInstance instance = VK_NULL_HANDLE;
    vkn_instance_functions fn = {0};
    vkn_result result = vkn_loader_open(&get);
    if (result == VKN_OK) result = vkn_instance_create(get, NULL, &instance);
    if (result == VKN_OK) result = vkn_instance_load(&fn, instance, get);
    if (result == VKN_OK) {
        VkResult listed = fn.vkEnumeratePhysicalDevices(instance, count, NULL);
        if (listed < 0) result = vkn_fail_vulkan(listed, "vkEnumeratePhysicalDevices");
    }
    if (instance && fn.vkDestroyInstance) fn.vkDestroyInstance(instance, NULL);
    return result;
}
