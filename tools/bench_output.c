// SPDX-License-Identifier: MIT
#include "bench_output.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "device.h"
#include "norm_words.h"

static const double giga = 1e9;

static double bandwidth(const bench_result *result) {
    return (double)suite_row_floor(result->row) / result->times.median;
}

// ---- The table -----------------------------------------------------------------------------------------------------
static void print_heading(const bench_run *run) {
    const vkn_device_info *info = &run->device->info;
    printf("%s, %s\n", info->name, info->driver[0] ? info->driver : "driver not told");
    printf("time by %s", run->device->timestamps ? "the device's timestamps" : "the wall clock");
    const double best = bench_copy_best(&run->copy);
    for (uint32_t i = 0; i < run->copy.count; i++) {
        const bench_copy_shape *shape = &run->copy.shapes[i];
        if (bench_copy_shape_best(shape) == best) {
            printf("; copy %.1f GB/s (%.1f before, %.1f after), of %.1f MB by workgroups of %" PRIu32 " x %" PRIu32
                   " words of 16 bytes %s%s",
                   best / giga, shape->first / giga, shape->last / giga, 1e-6 * (double)run->copy.bytes,
                   shape->workgroup, shape->words, shape->row ? "in a row" : "interleaved",
                   shape->texels ? ", from texels" : "");
            break;
        }
    }
    printf("\n");
}

static void print_row(const bench_run *run, const bench_result *result) {
    const bench_times *times = &result->times;
    const double best = bench_copy_best(&run->copy);
    printf("  %-42s %-8s %10.4f %7.1f %8.1f", result->row->name, pass_words[result->row->pass].text,
           1e3 * times->median, 100 * times->spread / times->median, bandwidth(result) / giga);
    if (best > 0) {
        printf(" %10.2f %7.2f", bandwidth(result) / best, bandwidth(result) / result->copy);
    }
    printf("%s\n", result->cached ? " *" : "");
    if (result->row->layers) {
        printf("    %" PRIu32 " calls in one submission, each recorded in %.2f us\n", suite_row_calls(result->row),
               1e6 * times->record / suite_row_calls(result->row));
    }
}

// Rows of one suite and dtype from `first` on.
static size_t table_length(const bench_run *run, size_t first) {
    const suite_row *head = run->results[first].row;
    size_t length = 0;
    while (first + length < run->count && run->results[first + length].row->suite == head->suite &&
           run->results[first + length].row->dtype == head->dtype) {
        length++;
    }
    return length;
}

// What a network spends in its norms: the shapes that it has, as often as it has them.
static void print_network(const bench_result *results, size_t count) {
    double seconds[SUITE_PASS_COUNT] = {0};
    uint32_t layers[SUITE_PASS_COUNT] = {0};
    for (size_t i = 0; i < count; i++) {
        const suite_row *row = results[i].row;
        if (row->training && !results[i].left_out[0]) {
            seconds[row->pass] += row->shape.count * results[i].times.median;
            layers[row->pass] += row->shape.count;
        }
    }
    for (uint32_t p = 0; p < SUITE_PASS_COUNT; p++) {
        if (layers[p] > 0) {
            printf("  the network's %" PRIu32 " layers in training: %s %.3f ms\n", layers[p], pass_words[p].text,
                   1e3 * seconds[p]);
        }
    }
}

void bench_print_table(const bench_run *run) {
    print_heading(run);
    bool cached = false;
    for (size_t i = 0; i < run->count;) {
        const size_t length = table_length(run, i);
        const suite_row *head = run->results[i].row;
        printf("\n%s, %s\n", suite_words[head->suite].text, dtype_words[head->dtype].text);
        printf("  %-42s %-8s %10s %7s %8s%s\n", "", "pass", "median ms", "spread", "GB/s",
               run->copy.count > 0 ? " efficiency  beside" : "");
        for (size_t k = i; k < i + length; k++) {
            const bench_result *result = &run->results[k];
            if (result->left_out[0]) {
                printf("  %-42s %-8s left out: %s\n", result->row->name, pass_words[result->row->pass].text,
                       result->left_out);
            } else {
                print_row(run, result);
                cached = cached || result->cached;
            }
        }
        print_network(&run->results[i], length);
        i += length;
    }
    printf("\nspread: from the first to the third quartile, in %% of the median. GB/s: the fewest bytes that can be "
           "moved, by the median.\n");
    if (run->copy.count > 0) {
        printf("efficiency: these GB/s by those of the copy; beside: by those of the copy timed next to the row.\n");
    }
    if (cached) {
        printf("*: all data may be in the last-level cache.\n");
    }
}

// ---- JSON ----------------------------------------------------------------------------------------------------------
static json_t *describe_shape(const suite_shape *shape) {
    json_t *sizes = json_array();
    for (uint32_t i = 0; i < shape->rank; i++) {
        json_array_append_new(sizes, json_integer(shape->sizes[i]));
    }
    return sizes;
}

static json_t *describe_layers(const suite_row *row) {
    json_t *layers = json_array();
    for (uint32_t i = 0; i < row->layer_count; i++) {
        json_array_append_new(layers, json_pack("{s:o, s:I}", "shape", describe_shape(&row->layers[i]), "count",
                                                (json_int_t)row->layers[i].count));
    }
    return layers;
}

static json_t *describe_row(const suite_row *row) {
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I}", "suite", suite_words[row->suite].text,
                               "name", row->name, "norm", norm_words[row->norm.kind - 1].text, "pass",
                               pass_words[row->pass].text, "mode", row->training ? "train" : "eval", "dtype",
                               dtype_words[row->dtype].text, "layout", layout_words[row->layout].text, "shape",
                               describe_shape(&row->shape), "floor_bytes", (json_int_t)suite_row_floor(row));
    if (row->norm.kind == VKN_GROUP) {
        json_object_set_new(object, "groups", json_integer(row->norm.groups));
    }
    if (row->shape.count > 0) {
        json_object_set_new(object, "count", json_integer(row->shape.count));
    }
    if (row->layers) {
        json_object_set_new(object, "calls", json_integer(suite_row_calls(row)));
        json_object_set_new(object, "layers", describe_layers(row));
    }
    return object;
}

json_t *bench_describe_rows(const suite_list *list) {
    json_t *rows = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(rows, describe_row(&list->rows[i]));
    }
    return json_pack("{s:o}", "rows", rows);
}

static json_t *describe_result(const bench_run *run, const bench_result *result) {
    const bench_times *times = &result->times;
    const double best = bench_copy_best(&run->copy);
    json_t *object = describe_row(result->row);
    json_t *more =
        json_pack("{s:f, s:f, s:f, s:I, s:f, s:o, s:f, s:f}", "median_s", times->median, "min_s", times->minimum,
                  "max_s", times->maximum, "repeats", (json_int_t)times->repeats, "gbps", bandwidth(result) / giga,
                  "efficiency", best > 0 ? json_real(bandwidth(result) / best) : json_null(), "wall_s", times->wall,
                  "record_s", times->record / suite_row_calls(result->row));
    json_object_update(object, more);
    json_decref(more);
    if (result->copy > 0) {
        json_object_set_new(object, "copy_beside_gbps", json_real(result->copy / giga));
    }
    if (result->cached) {
        json_object_set_new(object, "cached", json_true());
    }
    return object;
}

static json_t *describe_left_out(const bench_result *result) {
    const suite_row *row = result->row;
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "suite", suite_words[row->suite].text, "name", row->name, "pass",
                     pass_words[row->pass].text, "dtype", dtype_words[row->dtype].text, "reason",
                     device_text(result->left_out));
}

static json_t *describe_copies(const bench_copy *copy) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < copy->count; i++) {
        const bench_copy_shape *shape = &copy->shapes[i];
        json_array_append_new(array, json_pack("{s:I, s:I, s:s, s:b, s:f, s:f, s:f}", "workgroup",
                                               (json_int_t)shape->workgroup, "words", (json_int_t)shape->words, "order",
                                               shape->row ? "row" : "interleaved", "texels", (int)shape->texels, "gbps",
                                               bench_copy_shape_best(shape) / giga, "first_gbps", shape->first / giga,
                                               "last_gbps", shape->last / giga));
    }
    return array;
}

static json_t *describe_device(const bench_device *device) {
    const vkn_device_info *info = &device->info;
    json_t *object = json_pack("{s:o, s:s, s:s, s:I, s:I, s:I, s:s}", "name", device_text(info->name), "type",
                               device_type_name(info->type), "api_version", device_version(info->api_version).text,
                               "vendor_id", (json_int_t)info->vendor_id, "device_id", (json_int_t)info->device_id,
                               "driver_version", (json_int_t)info->driver_version, "plan_limits", info->limits);
    if (info->driver[0]) {
        json_object_set_new(object, "driver", device_text(info->driver));
    }
    if (device->cpu) {
        json_object_set_new(object, "threads", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    }
    return object;
}

json_t *bench_describe(const bench_run *run) {
    char date[sizeof "2026-01-01T00:00:00Z"] = "";
    const time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts)) {
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    json_t *results = json_array();
    json_t *left_out = json_array();
    for (size_t i = 0; i < run->count; i++) {
        const bench_result *result = &run->results[i];
        json_array_append_new(result->left_out[0] ? left_out : results,
                              result->left_out[0] ? describe_left_out(result) : describe_result(run, result));
    }
    const double best = bench_copy_best(&run->copy);
    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "source", "vknorm " VKNORM_VERSION, "date", date,
                     "device", describe_device(run->device), "timer", run->device->timestamps ? "timestamps" : "wall",
                     "copy_gbps", best > 0 ? json_real(best / giga) : json_null(), "copies",
                     describe_copies(&run->copy), "results", results, "left_out", left_out);
}
