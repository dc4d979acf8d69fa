// SPDX-License-Identifier: MIT
// What commands say about a device, and what a device says to them.
#ifndef VKNORM_DEVICE_H
#define VKNORM_DEVICE_H

#include <vknorm/vknorm.h>

struct json_t;

const char *device_type_name(VkPhysicalDeviceType);

typedef struct version {
    char text[32];
} version;
version device_version(uint32_t packed); // "1.3.224"

// A name that comes from the driver, and need not be UTF-8.
struct json_t *device_text(const char *);

// The log of a context: prints errors and warnings.
void device_log(void *user, vkn_log_level, const char *text);

#endif
