// SPDX-License-Identifier: MIT
#include "engine.h"

#include <time.h>

#include "say.h"

static void log_warning(void *user, vkn_log_level level, const char *text) {
    (void)user;
    if (level != VKN_LOG_INFO) training_say("%s", text);
}

vkn_result training_engine_open(training_engine *engine, const char *device, bool warn) {
    *engine = (training_engine){0};
    const vkn_context_info info = {.device = device, .log = warn ? log_warning : NULL};
    vkn_result result = vkn_context_create(&info, &engine->context);
    if (result == VKN_OK) result = nn_device_create(engine->context, &engine->device);
    if (result != VKN_OK) training_engine_close(engine);
    return result;
}

bool training_engine_open_or_say(training_engine *engine, const char *device) {
    const vkn_result result = training_engine_open(engine, device, true);
    if (result != VKN_OK) training_say("%s: %s", vkn_result_string(result), vkn_error_message());
    return result == VKN_OK;
}

void training_engine_close(training_engine *engine) {
    nn_device_destroy(engine->device);
    vkn_context_destroy(engine->context);
    *engine = (training_engine){0};
}

double training_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}
