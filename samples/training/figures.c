// SPDX-License-Identifier: MIT
#include "figures.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

bool training_figures_add(training_figures *figures, const double *values, const char *label, ...) {
    training_figure_row *rows = realloc(figures->rows, (figures->count + (size_t)1) * sizeof *rows);
    if (!rows) {
        training_say("%s: no memory for %u rows", figures->name, figures->count + 1);
        return false;
    }
    training_figure_row *row = &rows[figures->count++];
    *row = (training_figure_row){0};
    figures->rows = rows;
    va_list arguments;
    va_start(arguments, label);
    vsnprintf(row->label, sizeof row->label, label, arguments);
    va_end(arguments);
    for (int c = 0; figures->columns[c]; c++)
        row->values[c] = values[c];
    return true;
}

static int label_width(const training_figures *figures) {
    size_t width = strlen(figures->label);
    for (uint32_t r = 0; r < figures->count; r++) {
        const size_t length = strlen(figures->rows[r].label);
        width = length > width ? length : width;
    }
    return (int)width;
}

static int column_width(const char *head) {
    enum { LEAST = 11 };
    const int length = (int)strlen(head);
    return 2 + (length > LEAST ? length : LEAST);
}

void training_figures_print(const training_figures *figures) {
    const int first = label_width(figures);
    printf("%s\n\n  %-*s", figures->title, first, figures->label);
    for (int c = 0; figures->columns[c]; c++)
        printf("%*s", column_width(figures->columns[c]), figures->columns[c]);
    for (uint32_t r = 0; r < figures->count; r++) {
        printf("\n  %-*s", first, figures->rows[r].label);
        for (int c = 0; figures->columns[c]; c++) {
            const double value = figures->rows[r].values[c];
            char text[64] = "-";
            if (!isnan(value)) snprintf(text, sizeof text, figures->formats[c], value);
            printf("%*s", column_width(figures->columns[c]), text);
        }
    }
    printf("\n");
    if (*figures->remark) printf("\n%s\n", figures->remark);
    printf("\n");
}

json_t *training_figures_json(const training_figures *figures) {
    json_t *rows = json_array();
    for (uint32_t r = 0; r < figures->count; r++) {
        json_t *row = json_object();
        json_object_set_new(row, figures->label, json_string(figures->rows[r].label));
        for (int c = 0; figures->columns[c]; c++) {
            const double value = figures->rows[r].values[c];
            json_object_set_new(row, figures->columns[c], isfinite(value) ? json_real(value) : json_null());
        }
        json_array_append_new(rows, row);
    }
    json_t *table = json_object();
    json_object_set_new(table, "title", json_string(figures->title));
    json_object_set_new(table, "rows", rows);
    json_object_set_new(table, "remark", json_string(figures->remark));
    return table;
}

bool training_figures_publish(const training_figures *tables, uint32_t count, bool json) {
    json_t *all = json_object();
    for (uint32_t i = 0; i < count; i++) {
        if (json) {
            json_object_set_new(all, tables[i].name, training_figures_json(&tables[i]));
        } else {
            training_figures_print(&tables[i]);
        }
    }
    if (json) {
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        printf("\n");
    }
    json_decref(all);
    return training_flush();
}

void training_figures_free(training_figures *figures) {
    free(figures->rows);
    figures->rows = NULL;
    figures->count = 0;
}
