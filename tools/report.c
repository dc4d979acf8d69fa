// SPDX-License-Identifier: MIT
// `vknorm report`: files of timings as one page of charts.
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "file.h"
#include "report_page.h"
#include "results.h"

enum { MAX_FILES = 8 }; // as many as the page has letters and colours

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// A file as the page reads it: with its name, and in each row what says which work it is.
static int append_file(json_t *array, const results *file) {
    for (size_t i = 0; i < file->count; i++) {
        if (json_object_set_new(file->rows[i].json, "work", json_string(file->rows[i].work)) != 0) {
            return command_fail("%s: no memory", file->path);
        }
    }
    json_t *name = json_string(base_name(file->path)); // which need not be UTF-8
    if (json_object_set_new(file->json, "name", name ? name : json_string("?")) != 0 ||
        json_array_append(array, file->json) != 0) {
        return command_fail("%s: no memory", file->path);
    }
    return COMMAND_OK;
}

// The data as ASCII, for the caller to free. NULL after a message.
static char *make_data(const char *const *paths, size_t count) {
    json_t *array = json_array();
    int code = COMMAND_OK;
    for (size_t i = 0; code == COMMAND_OK && i < count; i++) {
        results file;
        code = results_load(paths[i], &file);
        if (code == COMMAND_OK) {
            code = append_file(array, &file);
            results_free(&file);
        }
    }
    json_t *root = json_pack("{s:s, s:o}", "vknorm", VKNORM_VERSION, "files", array);
    char *text = code == COMMAND_OK && root ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(root);
    if (code == COMMAND_OK && !text) {
        command_fail("no memory for the data of the page");
    }
    return text;
}

// "<" stands only inside of JSON's texts, and there it could end the element that holds the data.
static bool write_data(FILE *stream, const char *text) {
    bool ok = true;
    for (; ok && *text; text++) {
        ok = *text == '<' ? fputs("\\u003c", stream) >= 0 : fputc(*text, stream) != EOF;
    }
    return ok;
}

static bool write_page(FILE *stream, const void *data) {
    return fwrite(report_head, sizeof report_head, 1, stream) == 1 && write_data(stream, data) &&
           fwrite(report_tail, sizeof report_tail, 1, stream) == 1;
}

static int run_report(const command *self, int argc, char **argv) {
    const char *output = NULL;
    const char *paths[MAX_FILES];
    size_t count;
    const command_option options[] = {{.name = "-o", .value = &output}, {.name = "--output", .value = &output}};
    int code = command_parse_some(self, argc, argv, options, 2, paths, MAX_FILES, &count);
    if (code == COMMAND_OK && count == 0) {
        code = command_usage(self, "no file of timings given");
    } else if (code == COMMAND_OK && !output) {
        code = command_usage(self, "-o is missing");
    }
    if (code != COMMAND_OK) {
        return code;
    }
    char *data = make_data(paths, count);
    if (!data) {
        return COMMAND_FAILED;
    }
    char why[256];
    if (vkn_file_replace(output, write_page, data, why, sizeof why) != VKN_OK) {
        code = command_fail("%s: %s", output, why);
    }
    free(data);
    return code;
}

const command command_report = {
    .name = "report",
    .synopsis = "A.json [B.json ...] -o REPORT.html",
    .summary = "show files of timings as a page of charts",
    .details =
        "Up to 8 files, as `vknorm bench --json` or a script of the peers wrote them, on one page that needs nothing\n"
        "else, no network either: bandwidth beside that of the copy, times beside those of the first file, how time\n"
        "grows with size, and a table of all rows.\n\n"
        "  -o, --output REPORT.html   the page; replaced only once it is whole\n",
    .run = run_report,
};
