// SPDX-License-Identifier: MIT
// What a driver's compiler tells of each pipeline of a context, through VK_KHR_pipeline_executable_properties.
#ifndef VKNORM_KERNEL_STATISTICS_H
#define VKNORM_KERNEL_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <vknorm/vknorm.h>

// One executable: most drivers make one of a pipeline, some one for each subgroup size.
typedef struct kernel {
    char pipeline[256];                       // its name, of vkn_context_pipelines
    char executable[VK_MAX_DESCRIPTION_SIZE]; // as the driver calls it; "" where it tells nothing
    uint32_t subgroup_size;
    uint32_t count;
    VkPipelineExecutableStatisticKHR *statistics;
} kernel;

typedef struct kernel_list {
    kernel *kernels;
    size_t count, pipelines;
    bool told; // the driver gives statistics; else there are names alone, one for each pipeline
} kernel_list;

// Of a context made with capture_statistics. False when memory ran out; to be freed in any case.
bool kernel_list_read(vkn_context *, kernel_list *out);
void kernel_list_free(kernel_list *);

typedef struct kernel_value {
    char text[32];
} kernel_value;
kernel_value kernel_print_value(const VkPipelineExecutableStatisticKHR *);
// Executables of which a statistic with "spill" in its name is not 0, and those that have no such statistic.
size_t kernel_list_spilling(const kernel_list *, size_t *untold);
// A table of all statistics under the driver's names, but its hashes.
void kernel_list_print(const kernel_list *, FILE *);

#endif
