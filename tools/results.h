// SPDX-License-Identifier: MIT
// A file of timings, as `vknorm bench` and the scripts of the peers write it, read strictly: what is known must be as
// it should be, other keys may stand beside it.
#ifndef VKNORM_RESULTS_H
#define VKNORM_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

struct json_t;

// A row: one piece of work and its time. Numbers that are absent or null are NAN.
typedef struct result_row {
    const char *suite, *name, *norm, *pass, *mode, *dtype, *layout;
    double groups; // group norm only
    double median_s, min_s, max_s, repeats, floor_bytes, gbps, efficiency, record_s, calls;
    bool cached;
    struct json_t *json; // the whole row
    char *work;          // the same text for the same work, in any file
} result_row;

typedef struct results {
    const char *path;
    const char *source, *date, *timer;
    const char *device, *driver; // driver: NULL where the file does not say
    double copy_gbps, threads;
    size_t count;
    result_row *rows;
    struct json_t *json;  // the whole file; owns the texts
    struct json_t *index; // work to place in `rows`
} results;

// Reads a file. Returns COMMAND_OK, or COMMAND_FAILED after a message that names the file, the row, the key and the
// value; *out is then empty.
int results_load(const char *path, results *out);
void results_free(results *);
// The row of the same work, or NULL.
const result_row *results_find(const results *, const char *work);

#endif
