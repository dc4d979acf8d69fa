// SPDX-License-Identifier: MIT
// Starts of an application with a pipeline cache: contexts on one device, which is lent through the interposer so that
// opening it again costs little, and a little work on them.
#ifndef TESTS_CACHE_START_H
#define TESTS_CACHE_START_H

#include <vknorm/vknorm.h>

enum { START_VALUES = 36 };

// What a context has logged of its cache, one line each.
struct start_log {
    char text[2048];
    int warnings;
};

// Opens the device, with the environment's cache, and computes what work must give; 0 where that succeeded.
int start_lend(void);
void start_end(void);
// What borrows the device. The log and the interposer begin anew.
vkn_context_info start_borrow(const char *path, struct start_log *);
vkn_context *start_open(const char *path, struct start_log *);
// A norm of f32 rows that needs one pipeline.
vkn_result start_run(vkn_context *, float *y);
void start_work(vkn_context *); // the same; fails the running test unless each bit is as it must be

#endif
