// SPDX-License-Identifier: MIT
#include "csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

enum { MAX_RECORDS = 1 << 20, MAX_COLUMNS = 4096, MIN_RECORDS = 10 };

typedef struct reader {
    const char *path;
    uint32_t columns, capacity, classes;
    training_table table;
} reader;

static uint32_t count_fields(const char *line) {
    uint32_t count = 1;
    for (; *line; line++)
        count += *line == ',';
    return count;
}

static bool read_number(const char *field, float *value) {
    char *end;
    *value = strtof(field, &end);
    return end != field && *end == '\0' && isfinite(*value);
}

static bool grow(reader *r) {
    training_table *table = &r->table;
    if (table->count < r->capacity) return true;
    const uint32_t capacity = r->capacity ? 2 * r->capacity : 1024;
    float *features = realloc(table->features, (size_t)capacity * (r->columns - 1) * sizeof *features);
    if (features) table->features = features;
    int64_t *labels = realloc(table->labels, capacity * sizeof *labels);
    if (labels) table->labels = labels;
    if (!features || !labels) return false;
    r->capacity = capacity;
    return true;
}

static bool read_label(reader *r, unsigned long number, const char *field, float value) {
    for (uint32_t c = 0; c < r->classes; c++) {
        if (value != (float)c) continue;
        r->table.labels[r->table.count] = c;
        return true;
    }
    char expected[64];
    snprintf(expected, sizeof expected, r->classes == 2 ? "neither 0 nor 1" : "not a whole number from 0 to %u",
             r->classes - 1);
    training_say("%s:%lu: field %u, the label, is %s: '%s'", r->path, number, r->columns, expected, field);
    return false;
}

// Cuts `line` up.
static bool read_record(reader *r, char *line, unsigned long number) {
    const uint32_t fields = count_fields(line);
    if (fields != r->columns) {
        training_say("%s:%lu: %u fields, the header has %u", r->path, number, fields, r->columns);
        return false;
    }
    if (r->table.count == MAX_RECORDS || !grow(r)) {
        training_say("%s:%lu: too many records for memory, or above %d", r->path, number, MAX_RECORDS);
        return false;
    }
    float *record = &r->table.features[(size_t)r->table.count * (fields - 1)];
    for (uint32_t i = 0; i < fields; i++) {
        char *comma = strchr(line, ',');
        if (comma) *comma = '\0';
        float value;
        if (!read_number(line, &value)) {
            training_say("%s:%lu: field %u is not a number: '%s'", r->path, number, i + 1, line);
            return false;
        }
        if (i + 1 < fields) {
            record[i] = value;
        } else if (!read_label(r, number, line, value)) {
            return false;
        }
        line = comma ? comma + 1 : line;
    }
    r->table.count++;
    return true;
}

static bool read_lines(reader *r, FILE *file) {
    char *line = NULL;
    size_t size = 0;
    bool ok = true;
    for (unsigned long number = 1; ok; number++) {
        const ssize_t length = getline(&line, &size, file);
        if (length < 0) break;
        line[strcspn(line, "\r\n")] = '\0';
        if (number > 1) {
            ok = read_record(r, line, number);
            continue;
        }
        r->columns = count_fields(line);
        if (r->columns < 2 || r->columns > MAX_COLUMNS) {
            training_say("%s:1: %u columns, expected 2 to %d", r->path, r->columns, MAX_COLUMNS);
            ok = false;
        }
    }
    if (ok && ferror(file)) {
        training_say("%s: %s", r->path, strerror(errno));
        ok = false;
    }
    free(line);
    return ok;
}

bool training_csv_read(const char *path, uint32_t classes, training_table *out, training_record *record) {
    reader r = {.path = path, .classes = classes};
    FILE *file = fopen(path, "r");
    if (!file) {
        training_say("%s: %s", path, strerror(errno));
        return false;
    }
    bool ok = read_lines(&r, file);
    fclose(file);
    if (ok && r.table.count < MIN_RECORDS) {
        training_say("%s: %u records, expected at least %d", path, r.table.count, MIN_RECORDS);
        ok = false;
    }
    if (!ok) training_table_free(&r.table);
    *out = r.table;
    *record = (training_record){.rank = 1, .shape = {r.columns - 1}, .classes = classes};
    return ok;
}
