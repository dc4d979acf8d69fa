// SPDX-License-Identifier: MIT
// A row of a suite on the device: its tensors, and the calls that are timed.
#ifndef VKNORM_BENCH_WORK_H
#define VKNORM_BENCH_WORK_H

#include "bench_memory.h"
#include "suites.h"

typedef struct bench_call {
    vkn_forward_args forward;
    vkn_backward_args backward;
} bench_call;

typedef struct bench_work {
    const suite_row *row;
    bench_call *calls; // on the first set of tensors
    uint32_t count;
    uint32_t sets; // runs take turns on these, so that data are not in a cache from the run before
    uint64_t set_bytes;
    bool cached;      // even all sets together fit in the cache
    char reason[256]; // of a failure
} bench_work;

// Makes the work ready to be recorded, with at most `limit` bytes of buffers. VKN_OUT_OF_MEMORY where they do not
// suffice. Destroy also after a failure.
vkn_result bench_work_create(bench_memory *, const suite_row *, uint64_t limit, bench_work *out);
void bench_work_destroy(bench_work *);

// Records one run, as bench_job wants it; `user` is a bench_work.
vkn_result bench_work_record(void *user, vkn_recorder *, uint64_t turn);

#endif
