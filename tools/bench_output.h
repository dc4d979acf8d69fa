// SPDX-License-Identifier: MIT
// What `vknorm bench` has measured, as a table and as JSON.
#ifndef VKNORM_BENCH_OUTPUT_H
#define VKNORM_BENCH_OUTPUT_H

#include <stdio.h>

#include "bench_copy.h"
#include "bench_time.h"
#include "suites.h"

struct json_t;

// A row and its times, or why there are none.
typedef struct bench_result {
    const suite_row *row;
    bench_times times;
    double copy; // bytes per second of the copy timed beside it; 0: none
    bool cached;
    char left_out[256]; // "": timed
} bench_result;

typedef struct bench_run {
    const bench_device *device;
    bench_copy copy; // nothing in it: not measured
    bench_result *results;
    size_t count;
} bench_run;

void bench_print_table(const bench_run *);
// NULL where memory ran out.
struct json_t *bench_describe(const bench_run *);
struct json_t *bench_describe_rows(const suite_list *);

#endif
