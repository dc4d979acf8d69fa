// SPDX-License-Identifier: MIT
#include "device.h"
#include "error.h"
#include "pipeline.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Features that a driver has but gets wrong, each with where that is known from.
static const struct {
    VkDriverId driver;
    uint32_t vendor; // 0: any
    uint32_t features;
    const char *why;
} known_bad[] = {
    {VK_DRIVER_ID_QUALCOMM_PROPRIETARY, 0, VKN_FEATURE_SUBGROUP, "wrong subgroup results on Adreno (ncnn #6778)"},
    {VK_DRIVER_ID_MOLTENVK, 0x1002, VKN_FEATURE_SUBGROUP,
     "wrong subgroup results on MoltenVK with AMD (llama.cpp #15846)"},
};

static bool name_contains(const char *name, const char *part) {
    size_t length = strlen(part);
    for (; *name; ++name) {
        size_t i = 0;
        while (i < length && name[i] && tolower((unsigned char)name[i]) == tolower((unsigned char)part[i]))
            ++i;
        if (i == length) return true;
    }
    return length == 0;
}

static uint32_t rank_of(VkPhysicalDeviceType type) {
    static const VkPhysicalDeviceType order[] = {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                                                 VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
                                                 VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU, VK_PHYSICAL_DEVICE_TYPE_CPU};
    uint32_t rank = 0;
    while (rank < sizeof order / sizeof *order && order[rank] != type)
        ++rank;
    return rank;
}

static vkn_result pick(const vkn_instance_functions *fn, const VkPhysicalDevice *all, uint32_t count,
                       const char *wanted, VkPhysicalDevice *out) {
    char *end = NULL;
    unsigned long index = wanted && isdigit((unsigned char)*wanted) ? strtoul(wanted, &end, 10) : 0;
    if (end && *end == '\0') {
        if (index >= count) return vkn_fail(VKN_NO_DEVICE, "device %s: there are %u devices", wanted, count);
        *out = all[index];
        return VKN_OK;
    }
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < count; ++i) {
        VkPhysicalDeviceProperties properties;
        fn->vkGetPhysicalDeviceProperties(all[i], &properties);
        if (wanted && !name_contains(properties.deviceName, wanted)) continue;
        if (rank_of(properties.deviceType) >= best) continue;
        best = rank_of(properties.deviceType);
        *out = all[i];
    }
    if (best == UINT32_MAX && wanted)
        return vkn_fail(VKN_NO_DEVICE, "device \"%s\": none of the %u devices has that in its name", wanted, count);
    return VKN_OK;
}

vkn_result vkn_device_find(const vkn_instance_functions *fn, VkInstance instance, const char *wanted,
                           VkPhysicalDevice *out) {
    if (!wanted) wanted = getenv("VKNORM_DEVICE");
    if (wanted && *wanted == '\0') wanted = NULL;
    VkPhysicalDevice all[64];
    uint32_t count = sizeof all / sizeof *all;
    VkResult result = fn->vkEnumeratePhysicalDevices(instance, &count, all);
    if (result < 0) return vkn_fail_vulkan(result, "vkEnumeratePhysicalDevices");
    if (count == 0) return vkn_fail(VKN_NO_DEVICE, "no Vulkan device: the drivers offer none");
    return pick(fn, all, count, wanted, out);
}

typedef struct families {
    VkQueueFamilyProperties all[32];
    uint32_t count;
} families;

static families families_of(const vkn_instance_functions *fn, VkPhysicalDevice device) {
    families result = {.count = sizeof result.all / sizeof *result.all};
    fn->vkGetPhysicalDeviceQueueFamilyProperties(device, &result.count, result.all);
    return result;
}

vkn_result vkn_device_queue_family(const vkn_instance_functions *fn, VkPhysicalDevice device, uint32_t *out) {
    const families known = families_of(fn, device);
    *out = UINT32_MAX;
    for (uint32_t i = 0; i < known.count; ++i) {
        if (!(known.all[i].queueFlags & VK_QUEUE_COMPUTE_BIT)) continue;
        if (*out == UINT32_MAX || !(known.all[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)) *out = i;
        if (!(known.all[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)) break;
    }
    if (*out == UINT32_MAX) return vkn_fail(VKN_UNSUPPORTED, "the device has no queue with compute");
    return VKN_OK;
}

vkn_result vkn_device_check_family(const vkn_instance_functions *fn, VkPhysicalDevice device, uint32_t family) {
    const families known = families_of(fn, device);
    if (family >= known.count)
        return vkn_fail(VKN_BAD_ARGUMENT, "queue_family: %u, the device has %u families", family, known.count);
    if (!(known.all[family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        return vkn_fail(VKN_BAD_ARGUMENT, "queue_family: %u has no compute", family);
    return VKN_OK;
}

// The bits of VKNORM_DISABLE, a list of feature names with commas between.
static vkn_result disabled_by_environment(uint32_t *bits) {
    static const struct {
        const char *name;
        uint32_t bit;
    } features[] = {
#define X(name, bit, key, text) {key, VKN_FEATURE_##name},
        VKN_FEATURES(X)
#undef X
    };
    static const char names[] =
#define X(name, bit, key, text) ", " key
        VKN_FEATURES(X);
#undef X
    *bits = 0;
    const char *word = getenv("VKNORM_DISABLE");
    while (word && *word) {
        size_t length = strcspn(word, ",");
        uint32_t bit = 0;
        for (size_t i = 0; i < sizeof features / sizeof *features; ++i)
            if (strlen(features[i].name) == length && strncmp(features[i].name, word, length) == 0)
                bit = features[i].bit;
        if (!bit && length > 0)
            return vkn_fail(VKN_BAD_ARGUMENT, "VKNORM_DISABLE: \"%.*s\" is none of %s", (int)length, word,
                            names + strlen(", "));
        *bits |= bit;
        word += length + (word[length] == ',');
    }
    return VKN_OK;
}

static bool listed(const VkExtensionProperties *all, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; ++i)
        if (strcmp(all[i].extensionName, name) == 0) return true;
    return false;
}

static bool extension_enabled(const vkn_context_info *info, const char *name) {
    if (!info->vk_device) return true;
    for (uint32_t i = 0; i < info->enabled_extension_count; ++i)
        if (strcmp(info->enabled_extensions[i], name) == 0) return true;
    return false;
}

static bool storage_16bit_enabled(const vkn_context_info *info) {
    if (!info->vk_device) return true;
    bool enabled = false;
    for (const VkBaseInStructure *s = (const void *)info->enabled_features; s; s = s->pNext) {
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES)
            enabled = enabled || ((const VkPhysicalDevice16BitStorageFeatures *)s)->storageBuffer16BitAccess;
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES)
            enabled = enabled || ((const VkPhysicalDeviceVulkan11Features *)s)->storageBuffer16BitAccess;
    }
    return enabled;
}

static bool has_16bit_storage(const vkn_instance_functions *fn, VkPhysicalDevice physical) {
    VkPhysicalDevice16BitStorageFeatures storage = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &storage};
    fn->vkGetPhysicalDeviceFeatures2(physical, &all);
    return storage.storageBuffer16BitAccess;
}

// The properties structures that are chained, and what is read out of them.
typedef struct queried {
    VkPhysicalDeviceProperties2 base;
    VkPhysicalDeviceSubgroupProperties subgroup;
    VkPhysicalDeviceDriverProperties driver;
    VkPhysicalDeviceSubgroupSizeControlProperties size_control;
    bool has_driver, has_size_control;
} queried;

static vkn_result query(const vkn_instance_functions *fn, VkPhysicalDevice physical, const vkn_context_info *info,
                        queried *q, vkn_device *out) {
    uint32_t count = 0;
    VkResult result = fn->vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL);
    if (result != VK_SUCCESS) return vkn_fail_vulkan(result, "vkEnumerateDeviceExtensionProperties");
    VkExtensionProperties *all = calloc(count ? count : 1, sizeof *all);
    if (!all) return vkn_fail(VKN_OUT_OF_MEMORY, "%u extension names: out of host memory", count);
    result = fn->vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all);
    q->has_driver = listed(all, count, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME);
    q->has_size_control = listed(all, count, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    out->has_push_descriptor = listed(all, count, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME) &&
                               extension_enabled(info, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
    out->has_statistics = listed(all, count, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME) &&
                          extension_enabled(info, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
    out->has_portability_subset = listed(all, count, "VK_KHR_portability_subset");
    free(all);
    if (result < 0) return vkn_fail_vulkan(result, "vkEnumerateDeviceExtensionProperties");
    out->has_16bit_storage = storage_16bit_enabled(info) && has_16bit_storage(fn, physical);

    q->base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    q->subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    q->driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
    q->size_control.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES;
    q->base.pNext = &q->subgroup;
    void **next = &q->subgroup.pNext;
    if (q->has_driver) {
        *next = &q->driver;
        next = &q->driver.pNext;
    }
    if (q->has_size_control) *next = &q->size_control;
    fn->vkGetPhysicalDeviceProperties2(physical, &q->base);
    return VKN_OK;
}

// Lanes that are sure to run together: the smallest subgroup that the device may choose. Where it cannot be asked,
// Intel is known to report 32 and run 8 (llama.cpp #17389).
static uint32_t safe_subgroup(const queried *q) {
    uint32_t size = q->has_size_control                     ? q->size_control.minSubgroupSize
                    : q->base.properties.vendorID == 0x8086 ? 8
                                                            : q->subgroup.subgroupSize;
    uint32_t power = 1;
    while (power * 2 <= size && power < 128)
        power *= 2;
    return power;
}

static uint32_t found_features(const queried *q, const vkn_device *device, uint32_t subgroup) {
    const VkSubgroupFeatureFlags needed = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    uint32_t found = VKN_FEATURE_VECTOR | VKN_FEATURE_ON_CHIP | VKN_FEATURE_COHERENT;
    if (subgroup > 1 && (q->subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
        (q->subgroup.supportedOperations & needed) == needed)
        found |= VKN_FEATURE_SUBGROUP;
    if (device->has_push_descriptor) found |= VKN_FEATURE_PUSH_DESCRIPTOR;
    if (device->has_16bit_storage) found |= VKN_FEATURE_STORAGE_16BIT;
    const VkMemoryPropertyFlags mapped = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    for (uint32_t i = 0; i < device->memory.memoryTypeCount; ++i)
        if ((device->memory.memoryTypes[i].propertyFlags & mapped) == mapped &&
            q->base.properties.deviceType != VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU)
            found |= VKN_FEATURE_HOST_VISIBLE;
    return found;
}

static void choose_features(const queried *q, uint32_t by_caller, uint32_t by_environment, vkn_device_info *info) {
    static const char *const missing[VKN_FEATURE_COUNT] = {
        "the device has no subgroup shuffles in compute",
        "VK_KHR_push_descriptor is not there or not enabled",
        NULL,
        NULL,
        "no memory that is both device-local and mapped, or a discrete GPU, where the host reads such memory slowly",
        NULL,
        "storageBuffer16BitAccess is not there or not enabled",
    };
    info->used = info->found;
    for (uint32_t i = 0; i < VKN_FEATURE_COUNT; ++i) {
        uint32_t bit = 1u << i;
        if (!(info->found & bit)) info->why_off[i] = missing[i];
        for (size_t k = 0; k < sizeof known_bad / sizeof *known_bad; ++k)
            if (q->has_driver && (known_bad[k].features & bit) && known_bad[k].driver == q->driver.driverID &&
                (!known_bad[k].vendor || known_bad[k].vendor == info->vendor_id))
                info->why_off[i] = known_bad[k].why;
        if (by_environment & bit) info->why_off[i] = "turned off by VKNORM_DISABLE";
        if (by_caller & bit) info->why_off[i] = "turned off by vkn_context_info.disable";
        if (info->why_off[i]) info->used &= ~bit;
    }
}

vkn_result vkn_device_describe(const vkn_instance_functions *fn, VkPhysicalDevice physical,
                               const vkn_context_info *info, vkn_device *out) {
    *out = (vkn_device){0};
    uint32_t by_environment = 0;
    vkn_result result = disabled_by_environment(&by_environment);
    if (result != VKN_OK) return result;
    queried q = {0};
    result = query(fn, physical, info, &q, out);
    if (result != VKN_OK) return result;
    const VkPhysicalDeviceProperties *p = &q.base.properties;
    if (p->apiVersion < VK_API_VERSION_1_1)
        return vkn_fail(VKN_UNSUPPORTED, "%s has Vulkan %u.%u, vknorm needs 1.1", p->deviceName,
                        VK_API_VERSION_MAJOR(p->apiVersion), VK_API_VERSION_MINOR(p->apiVersion));
    if (p->limits.maxPerStageDescriptorStorageBuffers < VKN_MAX_BINDINGS)
        return vkn_fail(VKN_UNSUPPORTED, "maxPerStageDescriptorStorageBuffers: %s has %u, vknorm needs %d",
                        p->deviceName, p->limits.maxPerStageDescriptorStorageBuffers, VKN_MAX_BINDINGS);
    fn->vkGetPhysicalDeviceMemoryProperties(physical, &out->memory);
    out->atom = p->limits.nonCoherentAtomSize;

    vkn_device_info *d = &out->info;
    (void)snprintf(d->name, sizeof d->name, "%s", p->deviceName);
    if (q.has_driver) (void)snprintf(d->driver, sizeof d->driver, "%s %s", q.driver.driverName, q.driver.driverInfo);
    d->type = p->deviceType;
    d->vendor_id = p->vendorID;
    d->device_id = p->deviceID;
    d->api_version = p->apiVersion;
    d->driver_version = p->driverVersion;
    d->max_workgroup_invocations = p->limits.maxComputeWorkGroupInvocations;
    if (d->max_workgroup_invocations > p->limits.maxComputeWorkGroupSize[0])
        d->max_workgroup_invocations = p->limits.maxComputeWorkGroupSize[0];
    d->max_workgroups = UINT32_MAX;
    for (int axis = 0; axis < 3; ++axis)
        if (p->limits.maxComputeWorkGroupCount[axis] < d->max_workgroups)
            d->max_workgroups = p->limits.maxComputeWorkGroupCount[axis];
    if (info->max_workgroups && info->max_workgroups < d->max_workgroups) d->max_workgroups = info->max_workgroups;
    d->max_binding_bytes = p->limits.maxStorageBufferRange;
    if (info->max_binding_bytes && info->max_binding_bytes < d->max_binding_bytes)
        d->max_binding_bytes = info->max_binding_bytes;
    d->max_shared_bytes = p->limits.maxComputeSharedMemorySize;
    d->offset_alignment = (uint32_t)p->limits.minStorageBufferOffsetAlignment;
    // The vec4 view of a binding needs 16 bytes, whatever the device asks for.
    if (d->offset_alignment < 16) d->offset_alignment = 16;
    d->max_texels = p->limits.maxTexelBufferElements;
    d->found = found_features(&q, out, safe_subgroup(&q));
    choose_features(&q, info->disable, by_environment, d);
    d->subgroup_size = d->used & VKN_FEATURE_SUBGROUP ? safe_subgroup(&q) : 1;
    return VKN_OK;
}
