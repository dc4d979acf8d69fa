// SPDX-License-Identifier: MIT
// A device as `vknorm bench` sees it: what the library opened, the Vulkan functions that the command itself calls, and
// its clocks.
#ifndef VKNORM_BENCH_DEVICE_H
#define VKNORM_BENCH_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <vknorm/vknorm.h>

#define BENCH_FUNCTIONS(X)                                                                                             \
    X(vkGetPhysicalDeviceQueueFamilyProperties)                                                                        \
    X(vkGetPhysicalDeviceProperties)                                                                                   \
    X(vkGetPhysicalDeviceMemoryProperties)                                                                             \
    X(vkCreateQueryPool)                                                                                               \
    X(vkDestroyQueryPool)                                                                                              \
    X(vkGetQueryPoolResults)                                                                                           \
    X(vkCmdResetQueryPool)                                                                                             \
    X(vkCmdWriteTimestamp)                                                                                             \
    X(vkCmdCopyBuffer)                                                                                                 \
    X(vkCreateShaderModule)                                                                                            \
    X(vkDestroyShaderModule)                                                                                           \
    X(vkCreateDescriptorSetLayout)                                                                                     \
    X(vkDestroyDescriptorSetLayout)                                                                                    \
    X(vkCreatePipelineLayout)                                                                                          \
    X(vkDestroyPipelineLayout)                                                                                         \
    X(vkCreateComputePipelines)                                                                                        \
    X(vkDestroyPipeline)                                                                                               \
    X(vkCreateDescriptorPool)                                                                                          \
    X(vkDestroyDescriptorPool)                                                                                         \
    X(vkAllocateDescriptorSets)                                                                                        \
    X(vkUpdateDescriptorSets)                                                                                          \
    X(vkCmdBindPipeline)                                                                                               \
    X(vkCmdBindDescriptorSets)                                                                                         \
    X(vkCmdPushConstants)                                                                                              \
    X(vkCmdDispatch)

typedef struct bench_functions {
#define X(name) PFN_##name name;
    BENCH_FUNCTIONS(X)
#undef X
} bench_functions;

enum { BENCH_MAX_STAMPS = 512 };

typedef struct bench_device {
    vkn_context *context;
    vkn_recorder *recorder;
    vkn_device_info info;
    bench_functions vk;
    VkDevice handle;
    uint64_t memory;      // bytes of the largest heap of the device
    uint64_t cache;       // bytes that its last cache may have: a guess, rather too large
    bool cpu;             // a driver that runs on the CPU
    bool timestamps;      // the device's own clock is used, and `stamps` is there
    bool checked;         // whether that clock was held against the wall clock
    VkQueryPool stamps;   // BENCH_MAX_STAMPS of them
    double stamp_seconds; // seconds of one unit
    uint64_t stamp_mask;  // the bits that count
} bench_device;

// `name` as in vkn_context_info. Return COMMAND_OK, or COMMAND_FAILED after a message; close also after a failure.
int bench_device_open(const char *name, bench_device *out);
void bench_device_close(bench_device *);

double bench_wall_clock(void); // seconds

#endif
