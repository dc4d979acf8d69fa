// SPDX-License-Identifier: MIT
// An application that uses volk itself, with its own copy of it, and lends its device to vknorm.
#define VOLK_IMPLEMENTATION
#include <volk.h>

#include <vknorm/vknorm.h>

#include "norm.h"

#include "device.h"

int main(void) {
    static device own;
    if (volkInitialize() != VK_SUCCESS || device_open_instance(&own) != VK_SUCCESS) {
        printf("no Vulkan instance\n");
        return 1;
    }
    volkLoadInstance(own.instance);
    int failed = device_open(&own) != VK_SUCCESS;
    if (!failed) {
        volkLoadDevice(own.handle);
        failed = device_lend(&own);
    }
    const int closed = device_close(&own);
    return failed || closed;
}
