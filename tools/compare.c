// SPDX-License-Identifier: MIT
// `vknorm compare`: two files of timings, row by row.
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "results.h"

// A row of A, and that of B with the same work.
typedef struct pair {
    const result_row *a, *b;
    double ratio; // B's time over A's
} pair;

typedef struct comparison {
    results files[2];
    size_t count;
    pair *pairs; // suite after suite, else in A's order
} comparison;

static bool same_text(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

// Appends the pairs of a suite, where the rows before `first` were of others.
static void pair_suite(comparison *self, size_t first) {
    const results *a = &self->files[0];
    const char *suite = a->rows[first].suite;
    for (size_t i = 0; i < first; i++) {
        if (same_text(a->rows[i].suite, suite)) {
            return;
        }
    }
    for (size_t i = first; i < a->count; i++) {
        const result_row *row = &a->rows[i];
        const result_row *other = results_find(&self->files[1], row->work);
        if (other && same_text(row->suite, suite)) {
            self->pairs[self->count++] = (pair){row, other, other->median_s / row->median_s};
        }
    }
}

static int pair_rows(comparison *self) {
    const results *a = &self->files[0], *b = &self->files[1];
    self->pairs = calloc(a->count, sizeof *self->pairs);
    if (!self->pairs) {
        return command_fail("no memory for %zu rows", a->count);
    }
    for (size_t i = 0; i < a->count; i++) {
        pair_suite(self, i);
    }
    return self->count > 0 ? COMMAND_OK
                           : command_fail("no row in common: %s (%zu rows) and %s (%zu rows) have none of the same "
                                          "suite, name, norm, groups, pass, mode, dtype, layout and shape",
                                          a->path, a->count, b->path, b->count);
}

// One past the last pair of the suite of pair `first`.
static size_t suite_end(const comparison *self, size_t first) {
    size_t end = first;
    while (end < self->count && same_text(self->pairs[end].a->suite, self->pairs[first].a->suite)) {
        end++;
    }
    return end;
}

static double geometric_mean(const pair *pairs, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += log(pairs[i].ratio);
    }
    return exp(sum / (double)count);
}

static bool is_alone(const comparison *self, int file, const result_row *row) {
    return !results_find(&self->files[1 - file], row->work);
}

// The characters of a UTF-8 text.
static int text_width(const char *text) {
    int width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_text(const char *text, int width) {
    const int blanks = width - text_width(text);
    printf("%s%*s", text, blanks > 0 ? blanks : 0, "");
}

static int name_width(const comparison *self) {
    int width = 4;
    for (size_t i = 0; i < self->count; i++) {
        const int own = text_width(self->pairs[i].a->name);
        width = own > width ? own : width;
    }
    return width;
}

static void print_files(const comparison *self) {
    for (int i = 0; i < 2; i++) {
        const results *file = &self->files[i];
        printf("%c  %s on %s, %s, %s", "AB"[i], file -> source, file -> device, file -> driver ? file -> driver : "-",
               file->date);
        if (!isnan(file->copy_gbps)) {
            printf(", copy %.4g GB/s", file->copy_gbps);
        }
        printf("  (%s)\n", file->path);
    }
    if (!same_text(self->files[0].device, self->files[1].device)) {
        printf("The devices differ: A ran on %s, B on %s.\n", self->files[0].device, self->files[1].device);
    }
}

static void print_ratio(double ratio) {
    printf(ratio < 0.1 ? "  %8.2g\n" : "  %8.2f\n", ratio);
}

static void print_pair(const pair *row, int width) {
    fputs("  ", stdout);
    print_text(row->a->name, width);
    printf("  %-8s  %-5s  %12.4f  %12.4f", row->a->pass, row->a->dtype, 1e3 * row->a->median_s, 1e3 * row->b->median_s);
    print_ratio(row->ratio);
}

static void print_mean(const char *where, const pair *pairs, size_t count, int width) {
    char text[80];
    snprintf(text, sizeof text, "geometric mean of %zu row%s%s", count, count == 1 ? "" : "s", where);
    fputs("  ", stdout);
    print_text(text, width + 45);
    print_ratio(geometric_mean(pairs, count));
}

// What only one of the files has: its number, and with `all` its rows.
static void print_alone(const comparison *self, int file, bool all) {
    const results *rows = &self->files[file];
    const size_t alone = rows->count - self->count;
    if (alone == 0) {
        return;
    }
    printf("\n%zu row%s only in %c%s\n", alone, alone == 1 ? "" : "s", "AB"[file], all ? ":" : " (--all lists them)");
    for (size_t i = 0; all && i < rows->count; i++) {
        const result_row *row = &rows->rows[i];
        if (is_alone(self, file, row)) {
            printf("  %s  %s  %s  %s  %.4f ms\n", row->suite, row->name, row->pass, row->dtype, 1e3 * row->median_s);
        }
    }
}

static void print_table(const comparison *self, bool all) {
    const int width = name_width(self);
    print_files(self);
    for (size_t first = 0, end; first < self->count; first = end) {
        end = suite_end(self, first);
        printf("\n%s\n  %-*s  %-8s  %-5s  %12s  %12s  %8s\n", self->pairs[first].a->suite, width, "name", "pass",
               "dtype", "A ms", "B ms", "B / A");
        for (size_t i = first; i < end; i++) {
            print_pair(&self->pairs[i], width);
        }
        print_mean("", &self->pairs[first], end - first, width);
    }
    printf("\nIn all\n");
    print_mean(": A's speed over B's", self->pairs, self->count, width);
    print_alone(self, 0, all);
    print_alone(self, 1, all);
}

// What says which work a row is.
static json_t *json_of_work(const result_row *row) {
    static const char *const keys[] = {"suite", "name", "norm", "groups", "pass", "mode", "dtype", "layout", "shape"};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(row->json, keys[i]);
        if (value) {
            json_object_set(object, keys[i], value);
        }
    }
    return object;
}

static json_t *json_of_file(const results *file) {
    json_t *path = json_string(file->path); // which need not be UTF-8
    return json_pack("{s:o, s:s, s:s, s:O, s:O}", "file", path ? path : json_string("?"), "source", file->source,
                     "date", file->date, "device", json_object_get(file->json, "device"), "copy_gbps",
                     json_object_get(file->json, "copy_gbps"));
}

static json_t *json_of_suites(const comparison *self) {
    json_t *suites = json_array();
    for (size_t first = 0, end; first < self->count; first = end) {
        end = suite_end(self, first);
        json_array_append_new(suites, json_pack("{s:s, s:I, s:f}", "suite", self->pairs[first].a->suite, "rows",
                                                (json_int_t)(end - first), "geometric_mean",
                                                geometric_mean(&self->pairs[first], end - first)));
    }
    return suites;
}

static json_t *json_of_rows(const comparison *self) {
    json_t *rows = json_array();
    for (size_t i = 0; i < self->count; i++) {
        json_t *row = json_of_work(self->pairs[i].a);
        json_object_set_new(row, "a_s", json_real(self->pairs[i].a->median_s));
        json_object_set_new(row, "b_s", json_real(self->pairs[i].b->median_s));
        json_object_set_new(row, "ratio", json_real(self->pairs[i].ratio));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *json_of_alone(const comparison *self, int file) {
    json_t *rows = json_array();
    for (size_t i = 0; i < self->files[file].count; i++) {
        const result_row *row = &self->files[file].rows[i];
        if (is_alone(self, file, row)) {
            json_array_append_new(rows, json_of_work(row));
        }
    }
    return rows;
}

static int print_json(const comparison *self) {
    json_t *root = json_pack("{s:s, s:o, s:o, s:b, s:o, s:o, s:f, s:o, s:o}", "vknorm", VKNORM_VERSION, "a",
                             json_of_file(&self->files[0]), "b", json_of_file(&self->files[1]), "same_device",
                             (int)same_text(self->files[0].device, self->files[1].device), "rows", json_of_rows(self),
                             "suites", json_of_suites(self), "geometric_mean", geometric_mean(self->pairs, self->count),
                             "only_in_a", json_of_alone(self, 0), "only_in_b", json_of_alone(self, 1));
    const int code = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
    json_decref(root);
    putchar('\n');
    return code == 0 ? COMMAND_OK : command_fail("cannot write the comparison as JSON");
}

static int run_compare(const command *self, int argc, char **argv) {
    bool all = false, json = false;
    const char *paths[2];
    const command_option options[] = {{.name = "--all", .flag = &all}, {.name = "--json", .flag = &json}};
    int code = command_parse(self, argc, argv, options, 2, paths, 2);
    comparison both = {0};
    for (int i = 0; code == COMMAND_OK && i < 2; i++) {
        code = results_load(paths[i], &both.files[i]);
    }
    if (code == COMMAND_OK) {
        code = pair_rows(&both);
    }
    if (code == COMMAND_OK && json) {
        code = print_json(&both);
    } else if (code == COMMAND_OK) {
        print_table(&both, all);
    }
    free(both.pairs);
    results_free(&both.files[0]);
    results_free(&both.files[1]);
    return code == COMMAND_OK ? command_finish() : code;
}

const command command_compare = {
    .name = "compare",
    .synopsis = "A.json B.json [--all] [--json]",
    .summary = "compare two files of timings, row by row",
    .details =
        "For each row of the same work in both files, as `vknorm bench --json` or a script of the peers wrote them:\n"
        "both medians, and B / A, how many times as fast A is; the geometric mean for each suite and in all. The "
        "work\n"
        "is the same where suite, name, norm, groups, pass, mode, dtype, layout and shape are. How many rows only\n"
        "one file has is said in the end.\n\n"
        "  --all    list these rows too\n"
        "  --json   the same as JSON, always with these rows\n",
    .run = run_compare,
};
