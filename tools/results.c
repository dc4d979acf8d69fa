// SPDX-License-Identifier: MIT
#include "results.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <vknorm/vknorm.h>

#include "command.h"
#include "json_fields.h"
#include "norm_words.h"

static const json_word timer_words[] = {{"timestamps", 0}, {"wall", 0}, {NULL, 0}};

static const double most_exact = 9007199254740992; // up to here every integer is a double
static const char size_wanted[] = "an integer from 1 to 9007199254740992";
static const char positive_wanted[] = "a number greater than 0";
static const char line_wanted[] = "a text that is not empty, without control characters";

static bool read_number_or_null(const json_t *value, const json_field *field, void *target) {
    return json_is_null(value) || json_read_number(value, field, target);
}

// Keeps nothing: the row has it in its JSON.
static bool read_shape(const json_t *value, const json_field *field, void *target) {
    (void)target;
    const size_t rank = json_array_size(value);
    bool fits = rank >= 1 && rank <= (size_t)field->high;
    for (size_t i = 0; fits && i < rank; i++) {
        const json_t *size = json_array_get(value, i);
        fits = json_is_integer(size) && json_integer_value(size) >= 1;
    }
    return fits;
}

#define HEAD(field) offsetof(results, field)
static const json_field head_keys[] = {
    {"source", line_wanted, json_read_line, HEAD(source), NULL, 0, 0, true},
    {"date", line_wanted, json_read_line, HEAD(date), NULL, 0, 0, true},
    {"timer", NULL, json_read_choice, HEAD(timer), timer_words, 0, 0, true},
    {"copy_gbps", "a number greater than 0, or null", read_number_or_null, HEAD(copy_gbps), NULL, DBL_MIN, DBL_MAX,
     true},
};
static const json_field device_keys[] = {
    {"name", line_wanted, json_read_line, HEAD(device), NULL, 0, 0, true},
    {"driver", line_wanted, json_read_line, HEAD(driver), NULL, 0, 0, false},
    {"threads", size_wanted, json_read_size, HEAD(threads), NULL, 1, most_exact, false},
};

#define ROW(field) offsetof(result_row, field)
static const json_field row_keys[] = {
    {"suite", line_wanted, json_read_line, ROW(suite), NULL, 0, 0, true},
    {"name", line_wanted, json_read_line, ROW(name), NULL, 0, 0, true},
    {"norm", NULL, json_read_choice, ROW(norm), norm_words, 0, 0, true},
    {"pass", NULL, json_read_choice, ROW(pass), pass_words, 0, 0, true},
    {"mode", NULL, json_read_choice, ROW(mode), mode_words, 0, 0, true},
    {"dtype", NULL, json_read_choice, ROW(dtype), dtype_words, 0, 0, true},
    {"layout", NULL, json_read_choice, ROW(layout), layout_words, 0, 0, true},
    {"shape", "an array of 1 to 6 integers greater than 0", read_shape, 0, NULL, 1, VKN_MAX_RANK, true},
    {"groups", size_wanted, json_read_size, ROW(groups), NULL, 1, most_exact, false},
    {"median_s", positive_wanted, json_read_number, ROW(median_s), NULL, DBL_MIN, DBL_MAX, true},
    {"min_s", positive_wanted, json_read_number, ROW(min_s), NULL, DBL_MIN, DBL_MAX, true},
    {"max_s", positive_wanted, json_read_number, ROW(max_s), NULL, DBL_MIN, DBL_MAX, true},
    {"repeats", size_wanted, json_read_size, ROW(repeats), NULL, 1, most_exact, true},
    {"floor_bytes", size_wanted, json_read_size, ROW(floor_bytes), NULL, 1, most_exact, true},
    {"gbps", positive_wanted, json_read_number, ROW(gbps), NULL, DBL_MIN, DBL_MAX, true},
    {"efficiency", "a number greater than 0, or null", read_number_or_null, ROW(efficiency), NULL, DBL_MIN, DBL_MAX,
     true},
    {"record_s", positive_wanted, json_read_number, ROW(record_s), NULL, DBL_MIN, DBL_MAX, false},
    {"calls", size_wanted, json_read_size, ROW(calls), NULL, 1, most_exact, false},
    {"cached", "true or false", json_read_flag, ROW(cached), NULL, 0, 0, false},
};

#define FIELDS(keys)                                                                                                   \
    { keys, sizeof(keys) / sizeof *(keys), true }
static const json_fields head_fields = FIELDS(head_keys);
static const json_fields device_fields = FIELDS(device_keys);
static const json_fields row_fields = FIELDS(row_keys);

// What one key says about another.
static int check_row(const char *label, const results *file, const result_row *row) {
    const bool group = strcmp(row->norm, "group") == 0;
    if (group && isnan(row->groups)) {
        return command_fail("%s: groups is missing, and norm is group", label);
    }
    if (!group && !isnan(row->groups)) {
        return command_fail("%s: groups is %.0f, but norm is %s, not group", label, row->groups, row->norm);
    }
    if (row->median_s < row->min_s || row->median_s > row->max_s) {
        return command_fail("%s: median_s is %g, but min_s is %g and max_s is %g", label, row->median_s, row->min_s,
                            row->max_s);
    }
    if (!isnan(row->efficiency) && isnan(file->copy_gbps)) {
        return command_fail("%s: efficiency is %g, but copy_gbps is null", label, row->efficiency);
    }
    return COMMAND_OK;
}

// Puts the row into the index, under a text of all that makes its work.
static int index_row(const char *label, results *file, const result_row *row) {
    const json_t *same = json_object_get(file->index, row->work);
    if (same) {
        return command_fail("%s: it is the same work as row number %lld", label,
                            (long long)json_integer_value(same) + 1);
    }
    const int code = json_object_set_new(file->index, row->work, json_integer((json_int_t)file->count));
    return code == 0 ? COMMAND_OK : command_fail("%s: no memory", label);
}

static char *describe_work(const result_row *row) {
    json_t *parts =
        json_pack("[s, s, s, s, s, s, s, O, f]", row->suite, row->name, row->norm, row->pass, row->mode, row->dtype,
                  row->layout, json_object_get(row->json, "shape"), isnan(row->groups) ? 0 : row->groups);
    char *text = parts ? json_dumps(parts, JSON_COMPACT) : NULL;
    json_decref(parts);
    return text;
}

static int read_row(json_t *object, results *file) {
    const char *name = json_string_value(json_object_get(object, "name"));
    char label[256];
    snprintf(label, sizeof label, "%.120s: row number %zu%s%.80s%s", file->path, file->count + 1, name ? " (" : "",
             name ? name : "", name ? ")" : "");
    result_row row = {.json = object, .groups = NAN, .efficiency = NAN, .record_s = NAN, .calls = NAN};
    int code = json_fields_read(object, label, &row_fields, &row);
    if (code == COMMAND_OK) {
        code = check_row(label, file, &row);
    }
    if (code != COMMAND_OK) {
        return code;
    }
    row.work = describe_work(&row);
    code = row.work ? index_row(label, file, &row) : command_fail("%s: no memory", label);
    if (code == COMMAND_OK) {
        file->rows[file->count++] = row;
    } else {
        free(row.work);
    }
    return code;
}

static int read_rows(results *file) {
    json_t *rows = json_object_get(file->json, "results");
    const size_t count = json_array_size(rows);
    if (count == 0) {
        return command_fail("%s: results must be an array of at least one row", file->path);
    }
    file->rows = calloc(count, sizeof *file->rows);
    file->index = json_object();
    if (!file->rows || !file->index) {
        return command_fail("%s: no memory for %zu rows", file->path, count);
    }
    int code = COMMAND_OK;
    for (size_t i = 0; code == COMMAND_OK && i < count; i++) {
        code = read_row(json_array_get(rows, i), file);
    }
    return code;
}

int results_load(const char *path, results *out) {
    *out = (results){.path = path, .copy_gbps = NAN, .threads = NAN, .json = json_file_load(path)};
    if (!out->json) {
        return COMMAND_FAILED;
    }
    char label[256];
    snprintf(label, sizeof label, "%.200s: device", path);
    int code = json_fields_read(out->json, path, &head_fields, out);
    if (code == COMMAND_OK) {
        code = json_fields_read(json_object_get(out->json, "device"), label, &device_fields, out);
    }
    if (code == COMMAND_OK) {
        code = read_rows(out);
    }
    if (code != COMMAND_OK) {
        results_free(out);
    }
    return code;
}

void results_free(results *self) {
    for (size_t i = 0; i < self->count; i++) {
        free(self->rows[i].work);
    }
    free(self->rows);
    json_decref(self->index);
    json_decref(self->json);
    *self = (results){0};
}

const result_row *results_find(const results *self, const char *work) {
    const json_t *place = json_object_get(self->index, work);
    return place ? &self->rows[json_integer_value(place)] : NULL;
}
