// SPDX-License-Identifier: MIT
// An application that links the Vulkan loader, calls its functions, and lends its device to vknorm.
#include <vulkan/vulkan.h>

#include <vknorm/vknorm.h>

#include "norm.h"

#include "device.h"

int main(void) {
    static device own;
    int failed = device_open_instance(&own) != VK_SUCCESS || device_open(&own) != VK_SUCCESS;
    if (!failed) failed = device_lend(&own);
    const int closed = device_close(&own);
    return failed || closed;
}
