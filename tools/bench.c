// SPDX-License-Identifier: MIT
// `vknorm bench`: how fast the norms are, against a plain copy.
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "bench_output.h"
#include "bench_work.h"
#include "file.h"
#include "norm_words.h"

typedef struct bench_options {
    suite_selection selection;
    const char *device, *output;
    double min_time;    // seconds of each row
    uint64_t max_bytes; // of buffers; 0: three quarters of the memory of the device
    bool wall, json, rows, no_copy;
} bench_options;

static const double default_min_time = 0.3;
static const double copy_min_time = 0.05; // at most, of each shape

// ---- Options -------------------------------------------------------------------------------------------------------
static int parse_min_time(const command *self, const char *text, double *out) {
    char *end;
    *out = strtod(text, &end);
    return *text != '\0' && *end == '\0' && isfinite(*out) && *out > 0
               ? COMMAND_OK
               : command_usage(self, "--min-time: \"%s\" is not a number of seconds above 0", text);
}

static int parse_max_bytes(const command *self, const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return text[strspn(text, "0123456789")] == '\0' && errno == 0 && value > 0
               ? COMMAND_OK
               : command_usage(self, "--max-bytes: \"%s\" is not a number of bytes from 1 to 2^64 - 1", text);
}

static int parse_options(const command *self, int argc, char **argv, bench_options *out) {
    const char *min_time = NULL;
    const char *max_bytes = NULL;
    *out = (bench_options){
        .selection = {.suites = SUITES_DEFAULT, .dtypes = 1U << VKN_F32, .passes = (1U << SUITE_PASS_COUNT) - 1},
        .min_time = default_min_time};
    suite_selection *selection = &out->selection;
    const command_option options[] = {
        {.name = "--suite", .words = suite_words, .set = &selection->suites},
        {.name = "--dtype", .words = dtype_words, .set = &selection->dtypes},
        {.name = "--pass", .words = pass_words, .set = &selection->passes},
        {.name = "--filter", .value = &selection->filter},
        {.name = "--device", .value = &out->device},
        {.name = "--min-time", .value = &min_time},
        {.name = "--max-bytes", .value = &max_bytes},
        {.name = "--output", .value = &out->output},
        {.name = "--wall", .flag = &out->wall},
        {.name = "--json", .flag = &out->json},
        {.name = "--rows", .flag = &out->rows},
        {.name = "--no-copy", .flag = &out->no_copy},
    };
    int code = command_parse(self, argc, argv, options, sizeof options / sizeof *options, NULL, 0);
    if (code == COMMAND_OK && min_time) {
        code = parse_min_time(self, min_time, &out->min_time);
    }
    return code == COMMAND_OK && max_bytes ? parse_max_bytes(self, max_bytes, &out->max_bytes) : code;
}

// ---- JSON, to standard output or a file ----------------------------------------------------------------------------
static bool dump_json(FILE *stream, const void *json) {
    return json && json_dumpf(json, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 && fputc('\n', stream) != EOF;
}

static int print_json(const json_t *json) {
    return dump_json(stdout, json) ? command_finish() : command_fail("cannot print the JSON: %s", strerror(errno));
}

static int save_json(const char *path, const json_t *json) {
    char why[256];
    return vkn_file_replace(path, dump_json, json, why, sizeof why) == VKN_OK ? COMMAND_OK
                                                                              : command_fail("%s: %s", path, why);
}

// Minutes of work shall not end at a folder that is not there.
static int check_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int code = COMMAND_OK;
    if (!folder || access(folder, W_OK | X_OK) != 0) {
        code = command_fail("%s: %s", path, strerror(errno));
    }
    free(folder);
    return code;
}

// ---- Running -------------------------------------------------------------------------------------------------------
static int measure_copy(bench_memory *memory, const bench_options *options, uint64_t limit, enum bench_copy_when when,
                        bench_copy *copy) {
    if (options->no_copy) {
        return COMMAND_OK;
    }
    static const char *const words[] = {
        [BENCH_COPY_FIRST] = "before", [BENCH_COPY_BESIDE] = "beside", [BENCH_COPY_LAST] = "after"};
    command_progress("copy, %s", words[when]);
    const double min_time = options->min_time < copy_min_time ? options->min_time : copy_min_time;
    return bench_copy_measure(memory, limit, min_time, when, copy);
}

// What a device has no room for, or cannot do at all, is left out and said.
static int measure_row(bench_memory *memory, const bench_options *options, uint64_t limit, bench_result *result) {
    bench_work work;
    vkn_result done = bench_work_create(memory, result->row, limit, &work);
    if (done == VKN_OK) {
        const bench_job job = {.record = bench_work_record, .user = &work, .alone = result->row->layers != NULL};
        result->cached = work.cached;
        done = bench_time(memory->device, &job, options->min_time, &result->times);
        if (done != VKN_OK) {
            snprintf(work.reason, sizeof work.reason, "%s", vkn_error_message());
        }
    }
    int code = COMMAND_OK;
    const suite_row *row = result->row;
    const char *pass = pass_words[row->pass].text;
    const char *dtype = dtype_words[row->dtype].text;
    if (done == VKN_OUT_OF_MEMORY || done == VKN_UNSUPPORTED) {
        snprintf(result->left_out, sizeof result->left_out, "%s", work.reason);
        command_say("%s %s %s %s is left out: %s", suite_words[row->suite].text, row->name, pass, dtype, work.reason);
    } else if (done != VKN_OK) {
        code = command_fail("%s %s %s %s: %s", suite_words[row->suite].text, row->name, pass, dtype, work.reason);
    }
    bench_work_destroy(&work);
    return code;
}

static int measure(bench_device *device, const bench_options *options, const suite_list *list, bench_run *run) {
    const uint64_t limit = options->max_bytes > 0 ? options->max_bytes : device->memory / 4 * 3;
    bench_memory memory = {.device = device};
    int code = measure_copy(&memory, options, limit, BENCH_COPY_FIRST, &run->copy);
    for (size_t i = 0; code == COMMAND_OK && i < list->count; i++) {
        const suite_row *row = &list->rows[i];
        command_progress("%zu of %zu: %s %s, %s, %s", i + 1, list->count, suite_words[row->suite].text, row->name,
                         pass_words[row->pass].text, dtype_words[row->dtype].text);
        run->results[i].row = row;
        run->count = i + 1;
        run->results[i].copy = run->copy.beside;
        code = measure_row(&memory, options, limit, &run->results[i]);
        if (code == COMMAND_OK) {
            code = measure_copy(&memory, options, limit, BENCH_COPY_BESIDE, &run->copy);
        }
        run->results[i].copy = fmax(run->results[i].copy, run->copy.beside);
    }
    if (code == COMMAND_OK) {
        code = measure_copy(&memory, options, limit, BENCH_COPY_LAST, &run->copy);
    }
    command_progress("%s", "");
    bench_memory_free(&memory);
    return code;
}

static int print_run(const bench_options *options, const bench_run *run) {
    json_t *json = options->json || options->output ? bench_describe(run) : NULL;
    int code = options->output ? save_json(options->output, json) : COMMAND_OK;
    if (code == COMMAND_OK && options->json) {
        code = print_json(json);
    } else if (code == COMMAND_OK) {
        bench_print_table(run);
        code = command_finish();
    }
    json_decref(json);
    return code;
}

static int run_rows(const bench_options *options, const suite_list *list) {
    bench_device device = {0};
    bench_run run = {.device = &device, .results = calloc(list->count, sizeof *run.results)};
    if (!run.results) {
        return command_fail("no memory for %zu rows", list->count);
    }
    int code = options->output ? check_folder(options->output) : COMMAND_OK;
    if (code == COMMAND_OK) {
        code = bench_device_open(options->device, &device);
    }
    if (code == COMMAND_OK) {
        device.timestamps = device.timestamps && !options->wall;
        code = measure(&device, options, list, &run);
    }
    if (code == COMMAND_OK) {
        code = print_run(options, &run);
    }
    bench_device_close(&device);
    free(run.results);
    return code;
}

static int run_bench(const command *self, int argc, char **argv) {
    bench_options options;
    int code = parse_options(self, argc, argv, &options);
    if (code != COMMAND_OK) {
        return code;
    }
    suite_list list;
    if (!suite_list_make(&options.selection, &list)) {
        return command_fail("no memory for the rows");
    }
    if (list.count == 0) {
        code =
            command_usage(self, "no row is left: --filter \"%s\" is a part of no name, or the suites have no such pass",
                          options.selection.filter ? options.selection.filter : "");
    } else if (options.rows) {
        json_t *rows = bench_describe_rows(&list);
        code = print_json(rows);
        json_decref(rows);
    } else {
        code = run_rows(&options, &list);
    }
    suite_list_free(&list);
    return code;
}

const command command_bench = {
    .name = "bench",
    .synopsis = "[--suite S] [--filter TEXT] [--dtype T] [--pass P] [--device D] [--min-time SECONDS]\n"
                "                    [--max-bytes N] [--wall] [--json] [--output FILE] [--no-copy] [--rows]",
    .summary = "time the norms on a device, against a plain copy",
    .details =
        "Each row of a suite is run until --min-time has passed, and at least 10 times (on a CPU 5), on buffers that\n"
        "take turns so that no cache holds them. Time is the device's, by timestamps, where it has them and they "
        "agree\n"
        "with the wall clock, else the wall clock's. GB/s are the fewest bytes that can be moved, by the median time;\n"
        "efficiency is these by the GB/s, read and written, of the best of 20 plain copy shaders, which are timed\n"
        "before and after the rows; `beside` is the same by the copy that was timed next to the row, for devices "
        "whose\n"
        "clocks drift.\n\n"
        "  --suite S         of those below, separated by commas, or all [all but scaling]\n"
        "  --filter TEXT     only rows with TEXT in their name\n"
        "  --dtype T         f32, f16, bf16, separated by commas, or all [f32]\n"
        "  --pass P          forward, backward [both]\n"
        "  --device D        index or part of a name, as `vknorm devices` shows them\n"
        "  --min-time SECS   of each row [0.3]\n"
        "  --max-bytes N     of buffers; rows that need more are left out [three quarters of the device's memory]\n"
        "  --wall            time by the wall clock, submission and waiting included, in any case\n"
        "  --json            print JSON instead of the table\n"
        "  --output FILE     write the JSON to FILE, beside what is printed\n"
        "  --no-copy         do not time the copy: there is no efficiency then\n"
        "  --rows            print the rows as JSON and run nothing: no device is needed\n\n"
        "  resnet50          the batch norms of ResNet-50, 32 images of 224x224; eval: with running statistics\n"
        "  transformer       layer and rms norm, 4096 rows of 768 to 8192\n"
        "  unet              group norm of 32 groups\n"
        "  style             instance norm\n"
        "  small             the 53 batch norms of ResNet-50 on 2 images of 32x32 in one submission; its backward\n"
        "                    row runs forward before; with the CPU's time to record a call\n"
        "  scaling           10^5 to 10^9 elements; one group of 10^8, 10^7 groups of 10\n",
    .run = run_bench,
};
