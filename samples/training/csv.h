// SPDX-License-Identifier: MIT
// Records from a CSV file, and images among them.
#ifndef TRAINING_CSV_H
#define TRAINING_CSV_H

#include "records.h"

// Reads a header line, then one record a line: numbers, the last one the label, from 0 to classes - 1. Says on stderr
// what is wrong with the file, with line and field, and returns false. `record` gets the rank 1 and the shape.
bool training_csv_read(const char *path, uint32_t classes, training_table *out, training_record *record);

#endif
