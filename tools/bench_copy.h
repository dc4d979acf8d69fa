// SPDX-License-Identifier: MIT
// A plain copy shader in several shapes: the best of them is the bandwidth that norms are held against.
#ifndef VKNORM_BENCH_COPY_H
#define VKNORM_BENCH_COPY_H

#include "bench_memory.h"

enum { BENCH_COPY_SHAPES = 40 };

typedef struct bench_copy_shape {
    uint32_t workgroup, words; // words of 16 bytes that each invocation copies
    bool row;                  // each invocation its own row of them; else interleaved
    bool texels;               // read as texels; else from a storage buffer
    double first, last;        // bytes read and written per second, at the start and at the end
} bench_copy_shape;

typedef struct bench_copy {
    bench_copy_shape shapes[BENCH_COPY_SHAPES];
    uint32_t count;
    uint64_t bytes; // of one copy
    double beside;  // the rate of the best shape so far, timed once more
} bench_copy;

enum bench_copy_when { BENCH_COPY_FIRST, BENCH_COPY_BESIDE, BENCH_COPY_LAST };

// Times every shape that the device can run; beside a row the best one alone. COMMAND_OK, or COMMAND_FAILED after a
// message.
int bench_copy_measure(bench_memory *, uint64_t limit, double min_time, enum bench_copy_when, bench_copy *);
// The best of all shapes and both times. 0 where nothing was measured.
double bench_copy_best(const bench_copy *);
double bench_copy_shape_best(const bench_copy_shape *);

#endif
