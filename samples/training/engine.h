// SPDX-License-Identifier: MIT
// The device that a program trains on, from its opening to its end.
#ifndef TRAINING_ENGINE_H
#define TRAINING_ENGINE_H

#include "device.h"

typedef struct training_engine {
    vkn_context *context;
    nn_device *device; // NULL: not open
} training_engine;

// `device` as in vkn_context_info. With `warn` the library's warnings go to stderr. After a failure the engine is
// closed, and vkn_error_message() says why.
vkn_result training_engine_open(training_engine *, const char *device, bool warn);
// The same for a program that is alone: says what failed, and returns false.
bool training_engine_open_or_say(training_engine *, const char *device);
void training_engine_close(training_engine *); // one that is not open, too

// Seconds since some moment.
double training_clock(void);

#endif
