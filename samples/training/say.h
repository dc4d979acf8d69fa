// SPDX-License-Identifier: MIT
// What a program says when something is wrong: "<program>: <message>", on stderr.
#ifndef TRAINING_SAY_H
#define TRAINING_SAY_H

#include <stdbool.h>

void training_name(const char *program); // a constant; once, before anything is said
__attribute__((format(printf, 1, 2))) void training_say(const char *format, ...);
// Writes out what was printed. False where that failed, which it has told.
bool training_flush(void);

#endif
