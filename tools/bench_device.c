// SPDX-License-Identifier: MIT
#include "bench_device.h"

#include <time.h>

#include "command.h"
#include "device.h"

double bench_wall_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int load_functions(bench_device *self, const vkn_context_info *handles) {
#define X(name)                                                                                                        \
    self->vk.name = (PFN_##name)handles->get_instance_proc_addr(handles->instance, #name);                             \
    if (!self->vk.name) {                                                                                              \
        return command_fail("the Vulkan driver has no %s", #name);                                                     \
    }
    BENCH_FUNCTIONS(X)
#undef X
    return COMMAND_OK;
}

static uint64_t largest_heap(const bench_device *self, VkPhysicalDevice physical) {
    VkPhysicalDeviceMemoryProperties memory;
    self->vk.vkGetPhysicalDeviceMemoryProperties(physical, &memory);
    uint64_t largest = 0;
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
        const bool local = memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
        if (local && memory.memoryHeaps[i].size > largest) {
            largest = memory.memoryHeaps[i].size;
        }
    }
    return largest;
}

// Timestamps, where the queue has them.
static int open_stamps(bench_device *self, const vkn_context_info *handles) {
    enum { MAX_FAMILIES = 32 };
    VkQueueFamilyProperties families[MAX_FAMILIES];
    uint32_t count = MAX_FAMILIES;
    self->vk.vkGetPhysicalDeviceQueueFamilyProperties(handles->physical_device, &count, families);
    const uint32_t bits = handles->queue_family < count ? families[handles->queue_family].timestampValidBits : 0;
    VkPhysicalDeviceProperties properties;
    self->vk.vkGetPhysicalDeviceProperties(handles->physical_device, &properties);
    self->stamp_seconds = 1e-9 * (double)properties.limits.timestampPeriod;
    if (bits == 0 || !(self->stamp_seconds > 0)) {
        return COMMAND_OK;
    }
    self->stamp_mask = bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;
    const VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                        .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                        .queryCount = BENCH_MAX_STAMPS};
    const VkResult result = self->vk.vkCreateQueryPool(self->handle, &info, NULL, &self->stamps);
    self->timestamps = result == VK_SUCCESS;
    return self->timestamps ? COMMAND_OK : command_fail("vkCreateQueryPool: VkResult %d", (int)result);
}

int bench_device_open(const char *name, bench_device *out) {
    *out = (bench_device){0};
    const vkn_context_info info = {.device = name, .log = device_log};
    if (vkn_context_create(&info, &out->context) != VKN_OK ||
        vkn_recorder_create(out->context, &out->recorder) != VKN_OK) {
        return command_fail("%s", vkn_error_message());
    }
    vkn_context_info handles;
    vkn_context_get_info(out->context, &handles);
    vkn_context_device_info(out->context, &out->info);
    out->handle = handles.vk_device;
    out->cpu = out->info.type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    out->cache = (uint64_t)(out->cpu ? 64 : 256) << 20;
    int code = load_functions(out, &handles);
    if (code == COMMAND_OK) {
        out->memory = largest_heap(out, handles.physical_device);
        code = open_stamps(out, &handles);
    }
    return code;
}

void bench_device_close(bench_device *self) {
    if (self->stamps) {
        self->vk.vkDestroyQueryPool(self->handle, self->stamps, NULL);
    }
    vkn_recorder_destroy(self->recorder);
    vkn_context_destroy(self->context);
    *self = (bench_device){0};
}
