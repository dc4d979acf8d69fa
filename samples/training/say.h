// SPDX-License-Identifier: MIT
// What a program says when something is wrong: "<program>: <message>", on stderr.
#ifndef TRAINING_SAY_H
#define TRAINING_SAY_H

void training_name(const char *program); // a constant; once, before anything is said
__attribute__((format(printf, 1, 2))) void training_say(const char *format, ...);

#endif
