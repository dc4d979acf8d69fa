// SPDX-License-Identifier: MIT
// A table of figures that a program prints, as text or as JSON.
#ifndef TRAINING_FIGURES_H
#define TRAINING_FIGURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { TRAINING_FIGURE_COLUMNS = 8, TRAINING_FIGURE_LABEL = 64 };

typedef struct training_figure_row {
    char label[TRAINING_FIGURE_LABEL];
    double values[TRAINING_FIGURE_COLUMNS]; // NAN: there is none
} training_figure_row;

// What it is begun with: `title` is a line above the table, `label` the head of its first column, `columns` those of
// the others, ended by NULL, and `formats` how their values are printed ("%.3f").
typedef struct training_figures {
    const char *name, *title, *label;
    const char *columns[TRAINING_FIGURE_COLUMNS + 1], *formats[TRAINING_FIGURE_COLUMNS];
    training_figure_row *rows;
    uint32_t count;
    char remark[256]; // a line below the table; may be ""
} training_figures;

// Adds a row with a value for each column. False: out of memory, which it has told.
bool training_figures_add(training_figures *, const double *values, const char *label, ...)
    __attribute__((format(printf, 3, 4)));
void training_figures_print(const training_figures *);
// Prints the tables, or one JSON object of them by their names. False where stdout could not be written, which it has
// told.
bool training_figures_publish(const training_figures *tables, uint32_t count, bool json);
// {"title": ..., "rows": [{"<label>": "<text>", "<column>": <number>, ...}, ...], "remark": ...}. A new reference.
json_t *training_figures_json(const training_figures *);
void training_figures_free(training_figures *);

#endif
