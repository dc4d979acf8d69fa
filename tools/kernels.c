// SPDX-License-Identifier: MIT
// `vknorm kernels`: what the driver's compiler made of each pipeline.
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include <vknorm/vknorm.h>

#include "device.h"
#include "kernel_statistics.h"
#include "norm_words.h"
#include "suites.h"

enum { NORM_COUNT = VKN_RMS };

typedef struct kernels_options {
    suite_selection selection;
    uint32_t norms; // bits, as norm_words has them
    const char *device;
    bool json, fail_on_spills;
} kernels_options;

static int parse_options(const command *self, int argc, char **argv, kernels_options *out) {
    *out = (kernels_options){
        .selection = {.suites = (1U << SUITE_COUNT) - 1, .dtypes = 1U << VKN_F32, .passes = 1U << SUITE_FORWARD},
        .norms = (1U << NORM_COUNT) - 1};
    const command_option options[] = {
        {.name = "--suite", .words = suite_words, .set = &out->selection.suites},
        {.name = "--norm", .words = norm_words, .set = &out->norms},
        {.name = "--dtype", .words = dtype_words, .set = &out->selection.dtypes},
        {.name = "--device", .value = &out->device},
        {.name = "--json", .flag = &out->json},
        {.name = "--fail-on-spills", .flag = &out->fail_on_spills},
    };
    return command_parse(self, argc, argv, options, sizeof options / sizeof *options, NULL, 0);
}

// Leaves the rows of the wanted norms.
static void select_norms(suite_list *list, uint32_t norms) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (norms >> (list->rows[i].norm.kind - 1) & 1) {
            list->rows[kept++] = list->rows[i];
        }
    }
    list->count = kept;
}

// `texels`: of any buffer; VK_NULL_HANDLE where the device reads none.
static vkn_result prepare(vkn_context *context, const suite_list *list, VkBufferView texels) {
    vkn_result result = VKN_OK;
    for (size_t i = 0; result == VKN_OK && i < list->count; i++) {
        const suite_row *row = &list->rows[i];
        uint32_t count;
        const suite_shape *layers = suite_row_layers(row, &count);
        command_progress("%zu of %zu: %s %s, %s", i + 1, list->count, suite_words[row->suite].text, row->name,
                         dtype_words[row->dtype].text);
        for (uint32_t l = 0; result == VKN_OK && l < count; l++) {
            vkn_tensor x = suite_tensor(row, &layers[l]);
            x.texels = texels;
            result = vkn_norm_prepare(context, &row->norm, &x, VKN_F32, VKN_NO_RESIDUAL);
        }
    }
    command_progress("%s", "");
    return result;
}

// Builds what forward and backward of the rows can need, with weight and bias as the suites have them.
static int build(vkn_context *context, const suite_list *list) {
    vkn_device_info info;
    vkn_context_device_info(context, &info);
    vkn_buffer *buffer = NULL; // a device that only compiles may have no memory for one
    vkn_result result = info.max_texels > 0 ? vkn_buffer_create(context, 1, &buffer) : VKN_OK;
    if (result == VKN_OK) {
        result = prepare(context, list, buffer ? vkn_buffer_texels(buffer) : VK_NULL_HANDLE);
    }
    vkn_buffer_destroy(buffer);
    return result == VKN_OK ? COMMAND_OK : command_fail("%s", vkn_error_message());
}

// ---- Output --------------------------------------------------------------------------------------------------------
static json_t *describe_value(const VkPipelineExecutableStatisticKHR *statistic) {
    switch (statistic->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return json_boolean(statistic->value.b32);
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
        return json_real(statistic->value.f64);
    default: // signed or not, it is the same up to 2^63, where JSON's integers end
        return json_integer((json_int_t)statistic->value.i64);
    }
}

static json_t *describe_kernel(const kernel *one) {
    json_t *statistics = json_object();
    for (uint32_t i = 0; i < one->count; i++) {
        json_object_set_new(statistics, one->statistics[i].name, describe_value(&one->statistics[i]));
    }
    return json_pack("{s:o, s:o, s:I, s:o}", "pipeline", device_text(one->pipeline), "executable",
                     device_text(one->executable), "subgroup_size", (json_int_t)one->subgroup_size, "statistics",
                     statistics);
}

static int print_json(const vkn_device_info *about, const kernel_list *list) {
    json_t *kernels = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(kernels, describe_kernel(&list->kernels[i]));
    }
    json_t *device =
        json_pack("{s:o, s:o, s:s, s:I}", "name", device_text(about->name), "driver", device_text(about->driver),
                  "type", device_type_name(about->type), "driver_version", (json_int_t)about->driver_version);
    json_t *root = json_pack("{s:s, s:o, s:b, s:o}", "vknorm", VKNORM_VERSION, "device", device, "has_statistics",
                             (int)list->told, "kernels", kernels);
    const bool written = root && json_dumpf(root, stdout, JSON_INDENT(2)) == 0;
    json_decref(root);
    putchar('\n');
    return written ? COMMAND_OK : command_fail("cannot write the pipelines as JSON");
}

static void print_table(const vkn_device_info *about, const kernel_list *list) {
    printf("%s, %s\n\n", about->name, about->driver[0] ? about->driver : "a driver that does not tell its name");
    kernel_list_print(list, stdout);
    printf("\n%zu pipelines", list->pipelines);
    if (list->told) {
        size_t untold;
        const size_t spilling = kernel_list_spilling(list, &untold);
        printf(", %zu spill registers", spilling);
        if (untold > 0) {
            printf("; of %zu the driver does not tell", untold);
        }
    } else {
        printf("; the driver gives no statistics");
    }
    putchar('\n');
}

static int check_spills(const kernel_list *list) {
    size_t untold;
    const size_t spilling = kernel_list_spilling(list, &untold);
    if (spilling > 0) {
        return command_fail("--fail-on-spills: %zu of %zu spill registers", spilling, list->count);
    }
    return untold == 0 ? COMMAND_OK
                       : command_fail("--fail-on-spills: of %zu of %zu the driver does not tell", untold, list->count);
}

static int report(vkn_context *context, const kernels_options *options) {
    vkn_device_info about;
    vkn_context_device_info(context, &about);
    kernel_list list;
    int code = COMMAND_OK;
    if (!kernel_list_read(context, &list)) {
        code = command_fail("no memory for the statistics");
    } else if (options->json) {
        code = print_json(&about, &list);
    } else {
        print_table(&about, &list);
    }
    if (code == COMMAND_OK && options->fail_on_spills) {
        code = check_spills(&list);
    }
    kernel_list_free(&list);
    return code;
}

static int build_and_report(const kernels_options *options, const suite_list *list) {
    // Not from a file: what this driver's compiler does is wanted.
    const vkn_context_info info = {
        .device = options->device, .cache_path = "", .capture_statistics = true, .log = device_log};
    vkn_context *context = NULL;
    if (vkn_context_create(&info, &context) != VKN_OK) {
        return command_fail("%s", vkn_error_message());
    }
    int code = build(context, list);
    if (code == COMMAND_OK) {
        code = report(context, options);
    }
    vkn_context_destroy(context);
    const int finished = command_finish();
    return code == COMMAND_OK ? finished : code;
}

static int run_kernels(const command *self, int argc, char **argv) {
    kernels_options options;
    int code = parse_options(self, argc, argv, &options);
    if (code != COMMAND_OK) {
        return code;
    }
    suite_list list;
    if (!suite_list_make(&options.selection, &list)) {
        return command_fail("no memory for the rows");
    }
    select_norms(&list, options.norms);
    code = list.count > 0 ? build_and_report(&options, &list)
                          : command_usage(self, "no suite of --suite has a norm of --norm");
    suite_list_free(&list);
    return code;
}

const command command_kernels = {
    .name = "kernels",
    .synopsis = "[--suite S] [--norm K] [--dtype T] [--device D] [--fail-on-spills] [--json]",
    .summary = "compile the pipelines and print what the driver tells of them",
    .details =
        "Builds every pipeline that forward and backward of the suites of `vknorm bench` can need, and prints the\n"
        "statistics of the driver's compiler under its own names: registers, shared memory, spills, occupancy.\n"
        "A driver without VK_KHR_pipeline_executable_properties gives none: then the names are listed alone.\n\n"
        "  --suite S          of those that `vknorm bench --help` lists, separated by commas [all]\n"
        "  --norm K           batch, instance, group, layer, rms, separated by commas [all]\n"
        "  --dtype T          f32, f16, bf16, separated by commas, or all [f32]\n"
        "  --device D         index or part of a name, as `vknorm devices` shows them\n"
        "  --fail-on-spills   exit code 1 where registers are spilled, or the driver does not tell\n"
        "  --json             print JSON instead of the table\n",
    .run = run_kernels,
};
