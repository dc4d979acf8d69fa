// SPDX-License-Identifier: MIT
// How long work on the device takes.
#ifndef VKNORM_BENCH_TIME_H
#define VKNORM_BENCH_TIME_H

#include "bench_device.h"

// Work that is run over and over. `turn` counts up from 0, so that it can go round its buffers.
typedef struct bench_job {
    vkn_result (*record)(void *user, vkn_recorder *, uint64_t turn);
    void *user;
    bool alone; // one run fills a submission
} bench_job;

// Seconds of one run.
typedef struct bench_times {
    double median, minimum, maximum;
    double spread; // from the first to the third quartile
    double wall;   // by the wall clock, submission and waiting included: median
    double record; // of the CPU, to record it: median
    uint32_t repeats;
} bench_times;

// Runs the job for at least `min_time` seconds. VKN_OK, or the library's error; its message says why.
vkn_result bench_time(bench_device *, const bench_job *, double min_time, bench_times *out);

#endif
