// SPDX-License-Identifier: MIT
#include "kernel_statistics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---- Reading
// ---------------------------------------------------------------------------------------------------------
typedef struct reader {
    VkDevice device;
    PFN_vkGetPipelineExecutablePropertiesKHR properties;
    PFN_vkGetPipelineExecutableStatisticsKHR statistics;
    kernel_list *list;
    bool failed; // sticky: no memory
} reader;

static kernel *add_kernel(reader *self, const char *name) {
    kernel *grown = realloc(self->list->kernels, (self->list->count + 1) * sizeof *grown);
    if (!grown) {
        self->failed = true;
        return NULL;
    }
    self->list->kernels = grown;
    kernel *added = &grown[self->list->count++];
    *added = (kernel){0};
    snprintf(added->pipeline, sizeof added->pipeline, "%s", name);
    return added;
}

static void read_statistics(reader *self, kernel *out, VkPipeline pipeline, uint32_t index) {
    const VkPipelineExecutableInfoKHR which = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline, .executableIndex = index};
    uint32_t count = 0;
    if (self->statistics(self->device, &which, &count, NULL) != VK_SUCCESS || count == 0) {
        return;
    }
    out->statistics = calloc(count, sizeof *out->statistics);
    if (!out->statistics) {
        self->failed = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        out->statistics[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
    }
    if (self->statistics(self->device, &which, &count, out->statistics) == VK_SUCCESS) {
        out->count = count;
        self->list->told = true;
    }
}

// A pipeline without executables, or of a driver without the extension, still has its name.
static void read_pipeline(void *user, const char *name, VkPipeline pipeline) {
    enum { MOST = 16 };
    reader *self = user;
    const VkPipelineInfoKHR which = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutablePropertiesKHR properties[MOST];
    for (size_t i = 0; i < MOST; i++) {
        properties[i] =
            (VkPipelineExecutablePropertiesKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    }
    uint32_t count = MOST;
    self->list->pipelines++;
    if (!self->properties || self->properties(self->device, &which, &count, properties) < 0) {
        count = 0;
    }
    if (count == 0) {
        add_kernel(self, name);
    }
    for (uint32_t i = 0; i < count; i++) {
        kernel *added = add_kernel(self, name);
        if (!added) {
            return;
        }
        snprintf(added->executable, sizeof added->executable, "%s", properties[i].name);
        added->subgroup_size = properties[i].subgroupSize;
        read_statistics(self, added, pipeline, i);
    }
}

bool kernel_list_read(vkn_context *context, kernel_list *out) {
    *out = (kernel_list){0};
    vkn_context_info info;
    vkn_context_get_info(context, &info);
    reader self = {.device = info.vk_device, .list = out};
    bool enabled = false;
    for (uint32_t i = 0; i < info.enabled_extension_count; i++) {
        enabled =
            enabled || strcmp(info.enabled_extensions[i], VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME) == 0;
    }
    if (enabled) {
        const PFN_vkGetDeviceProcAddr get =
            (PFN_vkGetDeviceProcAddr)info.get_instance_proc_addr(info.instance, "vkGetDeviceProcAddr");
        self.properties =
            (PFN_vkGetPipelineExecutablePropertiesKHR)get(info.vk_device, "vkGetPipelineExecutablePropertiesKHR");
        self.statistics =
            (PFN_vkGetPipelineExecutableStatisticsKHR)get(info.vk_device, "vkGetPipelineExecutableStatisticsKHR");
    }
    vkn_context_pipelines(context, read_pipeline, &self);
    return !self.failed;
}

void kernel_list_free(kernel_list *self) {
    for (size_t i = 0; i < self->count; i++) {
        free(self->kernels[i].statistics);
    }
    free(self->kernels);
    *self = (kernel_list){0};
}

// ---- Values
// ----------------------------------------------------------------------------------------------------------
kernel_value kernel_print_value(const VkPipelineExecutableStatisticKHR *statistic) {
    kernel_value value;
    switch (statistic->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        snprintf(value.text, sizeof value.text, "%d", statistic->value.b32 ? 1 : 0);
        break;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        snprintf(value.text, sizeof value.text, "%" PRId64, statistic->value.i64);
        break;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
        snprintf(value.text, sizeof value.text, "%.6g", statistic->value.f64);
        break;
    default:
        snprintf(value.text, sizeof value.text, "%" PRIu64, statistic->value.u64);
    }
    return value;
}

static bool name_has(const VkPipelineExecutableStatisticKHR *statistic, const char *word) {
    char name[VK_MAX_DESCRIPTION_SIZE];
    size_t i = 0;
    for (; statistic->name[i] != '\0' && i < sizeof name - 1; i++) {
        name[i] = (char)tolower((unsigned char)statistic->name[i]);
    }
    name[i] = '\0';
    return strstr(name, word) != NULL;
}

size_t kernel_list_spilling(const kernel_list *list, size_t *untold) {
    size_t spilling = 0;
    *untold = 0;
    for (size_t k = 0; k < list->count; k++) {
        const kernel *one = &list->kernels[k];
        bool told = false;
        bool spills = false;
        for (uint32_t i = 0; i < one->count; i++) {
            if (name_has(&one->statistics[i], "spill")) {
                told = true;
                spills = spills || strcmp(kernel_print_value(&one->statistics[i]).text, "0") != 0;
            }
        }
        spilling += spills;
        *untold += !told;
    }
    return spilling;
}

// ---- The table
// -------------------------------------------------------------------------------------------------------
enum { MOST_COLUMNS = 64 };

typedef struct column {
    const char *name;
    size_t words, width; // a heading goes word by word
} column;

typedef struct table {
    column columns[MOST_COLUMNS];
    size_t count, lines; // lines of the heading
} table;

// The length of a word of a name, 0 after the last.
static size_t find_word(const char *name, size_t index, const char **word) {
    for (*word = name + strspn(name, " "); index > 0; index--) {
        *word += strcspn(*word, " ");
        *word += strspn(*word, " ");
    }
    return strcspn(*word, " ");
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static void add_statistic(table *self, const VkPipelineExecutableStatisticKHR *statistic) {
    const size_t width = strlen(kernel_print_value(statistic).text);
    size_t at = 0;
    while (at < self->count && strcmp(self->columns[at].name, statistic->name) != 0) {
        at++;
    }
    if (at == MOST_COLUMNS || name_has(statistic, "hash")) {
        return;
    }
    column *one = &self->columns[at];
    if (at == self->count) {
        *one = (column){.name = statistic->name};
        const char *word;
        for (size_t length; (length = find_word(one->name, one->words, &word)) > 0; one->words++) {
            one->width = larger(one->width, length);
        }
        self->lines = larger(self->lines, one->words);
        self->count++;
    }
    one->width = larger(one->width, width);
}

static void print_heading(const table *self, FILE *stream) {
    for (size_t line = 0; line < self->lines; line++) {
        for (size_t i = 0; i < self->count; i++) {
            const column *one = &self->columns[i];
            const size_t empty = self->lines - one->words; // the last words stand at the bottom
            const char *word = "";
            const size_t length = line < empty ? 0 : find_word(one->name, line - empty, &word);
            fprintf(stream, "%*.*s  ", (int)one->width, (int)length, word);
        }
        fprintf(stream, "%s\n", line + 1 == self->lines ? "pipeline" : "");
    }
}

static void print_kernel(const table *self, const kernel *of, bool alone, FILE *stream) {
    for (size_t i = 0; i < self->count; i++) {
        kernel_value value = {"-"};
        for (uint32_t k = 0; k < of->count; k++) {
            if (strcmp(of->statistics[k].name, self->columns[i].name) == 0) {
                value = kernel_print_value(&of->statistics[k]);
            }
        }
        fprintf(stream, "%*s  ", (int)self->columns[i].width, value.text);
    }
    fprintf(stream, "%s%s%s%s\n", of->pipeline, alone ? "" : " (", alone ? "" : of->executable, alone ? "" : ")");
}

void kernel_list_print(const kernel_list *list, FILE *stream) {
    table columns = {0};
    for (size_t k = 0; k < list->count; k++) {
        for (uint32_t i = 0; i < list->kernels[k].count; i++) {
            add_statistic(&columns, &list->kernels[k].statistics[i]);
        }
    }
    print_heading(&columns, stream);
    for (size_t k = 0; k < list->count; k++) {
        print_kernel(&columns, &list->kernels[k], list->count == list->pipelines, stream);
    }
}
