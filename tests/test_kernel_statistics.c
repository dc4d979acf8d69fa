// SPDX-License-Identifier: MIT
// Statistics of pipelines as drivers may give them: how values read, what counts as a spill, and the table of all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_statistics.h"

static VkPipelineExecutableStatisticKHR statistic(const char *name, VkPipelineExecutableStatisticFormatKHR format,
                                                  VkPipelineExecutableStatisticValueKHR value) {
    VkPipelineExecutableStatisticKHR made = {.format = format, .value = value};
    (void)snprintf(made.name, sizeof made.name, "%s", name);
    return made;
}

static VkPipelineExecutableStatisticKHR number(const char *name, uint64_t value) {
    return statistic(name, VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR,
                     (VkPipelineExecutableStatisticValueKHR){.u64 = value});
}

static void values_are_printed_by_their_format(void **state) {
    (void)state;
    const struct {
        VkPipelineExecutableStatisticFormatKHR format;
        VkPipelineExecutableStatisticValueKHR value;
        const char *text;
    } rows[] = {
        {VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR, {.b32 = VK_FALSE}, "0"},
        {VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR, {.b32 = VK_TRUE}, "1"},
        {VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR, {.i64 = -7}, "-7"},
        {VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR, {.u64 = UINT64_MAX}, "18446744073709551615"},
        {VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR, {.f64 = 0.75}, "0.75"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const VkPipelineExecutableStatisticKHR one = statistic("x", rows[i].format, rows[i].value);
        assert_string_equal(kernel_print_value(&one).text, rows[i].text);
    }
}

static void spills_are_counted_by_name(void **state) {
    (void)state;
    VkPipelineExecutableStatisticKHR clean[] = {number("VGPRs", 8), number("Spilled VGPRs", 0)},
                                     mesa[] = {number("Spilled SGPRs", 0), number("Spilled VGPRs", 3)},
                                     other[] = {number("SPILL count", 1), number("Fill count", 1)},
                                     flag[] = {statistic("Spills", VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR,
                                                         (VkPipelineExecutableStatisticValueKHR){.b32 = VK_TRUE})},
                                     silent[] = {number("VGPRs", 255)};
    kernel kernels[] = {
        {.pipeline = "clean", .count = 2, .statistics = clean},   {.pipeline = "mesa", .count = 2, .statistics = mesa},
        {.pipeline = "other", .count = 2, .statistics = other},   {.pipeline = "flag", .count = 1, .statistics = flag},
        {.pipeline = "silent", .count = 1, .statistics = silent}, {.pipeline = "nothing"},
    };
    const kernel_list list = {.kernels = kernels, .count = 6, .pipelines = 6, .told = true};
    size_t untold;
    assert_int_equal(kernel_list_spilling(&list, &untold), 3);
    assert_int_equal(untold, 2);
}

static void expect_table(const kernel_list *list, const char *wanted) {
    char text[2048] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    assert_non_null(stream);
    kernel_list_print(list, stream);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(text, wanted);
}

static void the_table_has_each_drivers_names(void **state) {
    (void)state;
    VkPipelineExecutableStatisticKHR first[] = {number("Hash", 123456789), number("VGPRs", 12345678),
                                                number("Subgroups per SIMD", 16)},
                                     second[] = {number("Subgroups per SIMD", 8), number("LDS size", 512)};
    kernel kernels[] = {{.pipeline = "one", .executable = "SIMD8", .count = 3, .statistics = first},
                        {.pipeline = "one", .executable = "SIMD16", .count = 2, .statistics = second},
                        {.pipeline = "two", .executable = "SIMD8"}};
    kernel_list list = {.kernels = kernels, .count = 3, .pipelines = 2, .told = true};
    expect_table(&list, "          Subgroups        \n"
                        "                per   LDS  \n"
                        "   VGPRs       SIMD  size  pipeline\n"
                        "12345678         16     -  one (SIMD8)\n"
                        "       -          8   512  one (SIMD16)\n"
                        "       -          -     -  two (SIMD8)\n");
    list.kernels = &kernels[2]; // nothing told: names alone
    list.count = list.pipelines = 1;
    expect_table(&list, "two\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_printed_by_their_format),
        cmocka_unit_test(spills_are_counted_by_name),
        cmocka_unit_test(the_table_has_each_drivers_names),
    };
    return cmocka_run_group_tests_name("kernel_statistics", tests, NULL, NULL);
}
