// SPDX-License-Identifier: MIT
// Device memory that rows and the copy are timed in: full of random numbers, kept from row to row.
#ifndef VKNORM_BENCH_MEMORY_H
#define VKNORM_BENCH_MEMORY_H

#include "bench_device.h"

typedef enum bench_place { BENCH_X, BENCH_DY, BENCH_OUT, BENCH_PARAMETERS, BENCH_PLACE_COUNT } bench_place;

typedef struct bench_memory {
    bench_device *device;
    vkn_buffer *buffers[BENCH_PLACE_COUNT];
    vkn_dtype dtypes[BENCH_PLACE_COUNT]; // of the numbers in it
} bench_memory;

// A buffer of at least `bytes` with numbers of the dtype: of both signs, of parameters positive, and of a magnitude
// from 0.5 to 2. Buffers are filled again only when they grow or change their dtype. An error leaves no buffers at all,
// so that smaller ones may fit.
vkn_result bench_memory_get(bench_memory *, bench_place, uint64_t bytes, vkn_dtype);
// Makes room for buffers of these sizes: frees what there is, where that and these together take more than `limit`.
void bench_memory_trim(bench_memory *, const uint64_t bytes[BENCH_PLACE_COUNT], uint64_t limit);
void bench_memory_free(bench_memory *);

#endif
