// SPDX-License-Identifier: MIT
#include "error.h"
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[512];

const char *vkn_error_message(void) {
    return message;
}

const char *vkn_result_string(vkn_result result) {
    switch (result) {
#define X(name, value, text)                                                                                           \
    case VKN_##name:                                                                                                   \
        return text;
        VKN_RESULTS(X)
#undef X
    }
    return "unknown result";
}

vkn_result vkn_fail(vkn_result result, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return result;
}

vkn_result vkn_fail_vulkan(VkResult result, const char *what) {
    static const struct {
        VkResult vulkan;
        vkn_result ours;
        const char *name;
    } known[] = {
        {VK_ERROR_OUT_OF_HOST_MEMORY, VKN_OUT_OF_MEMORY, "VK_ERROR_OUT_OF_HOST_MEMORY"},
        {VK_ERROR_OUT_OF_DEVICE_MEMORY, VKN_OUT_OF_MEMORY, "VK_ERROR_OUT_OF_DEVICE_MEMORY"},
        {VK_ERROR_OUT_OF_POOL_MEMORY, VKN_OUT_OF_MEMORY, "VK_ERROR_OUT_OF_POOL_MEMORY"},
        {VK_ERROR_FRAGMENTED_POOL, VKN_OUT_OF_MEMORY, "VK_ERROR_FRAGMENTED_POOL"},
        {VK_ERROR_TOO_MANY_OBJECTS, VKN_OUT_OF_MEMORY, "VK_ERROR_TOO_MANY_OBJECTS"},
        {VK_ERROR_MEMORY_MAP_FAILED, VKN_OUT_OF_MEMORY, "VK_ERROR_MEMORY_MAP_FAILED"},
        {VK_ERROR_DEVICE_LOST, VKN_DEVICE_LOST, "VK_ERROR_DEVICE_LOST"},
        {VK_ERROR_INITIALIZATION_FAILED, VKN_UNSUPPORTED, "VK_ERROR_INITIALIZATION_FAILED"},
        {VK_ERROR_EXTENSION_NOT_PRESENT, VKN_UNSUPPORTED, "VK_ERROR_EXTENSION_NOT_PRESENT"},
        {VK_ERROR_FEATURE_NOT_PRESENT, VKN_UNSUPPORTED, "VK_ERROR_FEATURE_NOT_PRESENT"},
        {VK_ERROR_INCOMPATIBLE_DRIVER, VKN_NO_DEVICE, "VK_ERROR_INCOMPATIBLE_DRIVER"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
        if (known[i].vulkan == result) return vkn_fail(known[i].ours, "%s: %s", what, known[i].name);
    return vkn_fail(VKN_UNSUPPORTED, "%s: VkResult %d", what, (int)result);
}
