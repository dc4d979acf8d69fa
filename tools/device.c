// SPDX-License-Identifier: MIT
#include "device.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "command.h"

const char *device_type_name(VkPhysicalDeviceType type) {
    static const char *const names[] = {"other", "integrated GPU", "discrete GPU", "virtual GPU", "CPU"};
    return (size_t)type < sizeof names / sizeof *names ? names[type] : "unknown";
}

version device_version(uint32_t packed) {
    version result;
    snprintf(result.text, sizeof result.text, "%" PRIu32 ".%" PRIu32 ".%" PRIu32, VK_API_VERSION_MAJOR(packed),
             VK_API_VERSION_MINOR(packed), VK_API_VERSION_PATCH(packed));
    return result;
}

json_t *device_text(const char *text) {
    json_t *string = json_string(text);
    return string ? string : json_string("?");
}

void device_log(void *user, vkn_log_level level, const char *text) {
    (void)user;
    if (level != VKN_LOG_INFO) {
        command_say("%s: %s", level == VKN_LOG_ERROR ? "error" : "warning", text);
    }
}
