// SPDX-License-Identifier: MIT
#include "dataset.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORDS = 1 << 20, MAX_COLUMNS = 4096 };

typedef struct table {
    const char *path;
    uint32_t rows, columns, capacity;
    float *values; // [rows][columns]
} table;

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

static bool grow(table *out) {
    if (out->rows < out->capacity) return true;
    const uint32_t capacity = out->capacity ? 2 * out->capacity : 1024;
    float *values = realloc(out->values, (size_t)capacity * out->columns * sizeof *values);
    if (!values) return false;
    out->values = values;
    out->capacity = capacity;
    return true;
}

// Cuts `line` up.
static bool read_record(table *out, char *line, unsigned long number) {
    const uint32_t fields = count_fields(line);
    if (fields != out->columns) {
        fprintf(stderr, "mlp: %s:%lu: %u fields, the header has %u\n", out->path, number, fields, out->columns);
        return false;
    }
    if (out->rows == MAX_RECORDS || !grow(out)) {
        fprintf(stderr, "mlp: %s:%lu: too many records for memory, or above %d\n", out->path, number, MAX_RECORDS);
        return false;
    }
    float *record = &out->values[(size_t)out->rows * out->columns];
    for (uint32_t i = 0; i < fields; i++) {
        char *comma = strchr(line, ',');
        if (comma) *comma = '\0';
        if (!read_number(line, &record[i])) {
            fprintf(stderr, "mlp: %s:%lu: field %u is not a number: '%s'\n", out->path, number, i + 1, line);
            return false;
        }
        if (i + 1 == fields && record[i] != 0.0f && record[i] != 1.0f) {
            fprintf(stderr, "mlp: %s:%lu: field %u, the label, is neither 0 nor 1: '%s'\n", out->path, number, i + 1,
                    line);
            return false;
        }
        line = comma ? comma + 1 : line;
    }
    out->rows++;
    return true;
}

static bool read_lines(table *out, FILE *file) {
    char *line = NULL;
    size_t size = 0;
    bool ok = true;
    for (unsigned long number = 1; ok; number++) {
        const ssize_t length = getline(&line, &size, file);
        if (length < 0) break;
        line[strcspn(line, "\r\n")] = '\0';
        if (number > 1) {
            ok = read_record(out, line, number);
            continue;
        }
        out->columns = count_fields(line);
        if (out->columns < 2 || out->columns > MAX_COLUMNS) {
            fprintf(stderr, "mlp: %s:1: %u columns, expected 2 to %d\n", out->path, out->columns, MAX_COLUMNS);
            ok = false;
        }
    }
    if (ok && ferror(file)) {
        fprintf(stderr, "mlp: %s: %s\n", out->path, strerror(errno));
        ok = false;
    }
    free(line);
    return ok;
}

static bool read_table(table *out, const char *path) {
    *out = (table){.path = path};
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "mlp: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool ok = read_lines(out, file);
    fclose(file);
    if (ok && out->rows < 10) {
        fprintf(stderr, "mlp: %s: %u records, expected at least 10\n", path, out->rows);
        ok = false;
    }
    if (!ok) free(out->values);
    return ok;
}

static bool fill_split(mlp_split *split, const table *in, const int64_t *order, uint32_t count) {
    const uint32_t features = in->columns - 1;
    split->features = malloc((size_t)count * features * sizeof(float));
    split->labels = malloc(count * sizeof(float));
    if (!split->features || !split->labels) return false;
    for (uint32_t i = 0; i < count; i++) {
        const float *record = &in->values[(size_t)order[i] * in->columns];
        memcpy(&split->features[(size_t)i * features], record, features * sizeof(float));
        split->labels[i] = record[features];
    }
    split->count = count;
    return true;
}

bool mlp_dataset_load(mlp_dataset *out, const char *path, nn_random *random) {
    *out = (mlp_dataset){0};
    table records;
    if (!read_table(&records, path)) return false;
    out->features = records.columns - 1;
    const uint32_t test = records.rows / 5;
    int64_t *order = malloc(records.rows * sizeof *order);
    bool ok = order != NULL;
    if (ok) {
        for (uint32_t i = 0; i < records.rows; i++)
            order[i] = i;
        nn_random_shuffle(random, order, records.rows);
        ok = fill_split(&out->test, &records, order, test) &&
             fill_split(&out->train, &records, order + test, records.rows - test);
    }
    free(order);
    free(records.values);
    if (!ok) {
        fprintf(stderr, "mlp: %s: out of memory\n", path);
        mlp_dataset_free(out);
    }
    return ok;
}

void mlp_dataset_free(mlp_dataset *data) {
    free(data->train.features);
    free(data->train.labels);
    free(data->test.features);
    free(data->test.labels);
    *data = (mlp_dataset){0};
}
