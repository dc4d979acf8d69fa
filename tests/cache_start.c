// SPDX-License-Identifier: MIT
#include "cache_start.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "interpose.h"
#include "rig.h"

enum { COLUMNS = 12, ROWS = START_VALUES / COLUMNS };

static vkn_context *lender;
static float expected[START_VALUES]; // as a context without a file computes it

int start_lend(void) {
    return vkn_context_create(NULL, &lender) || start_run(lender, expected);
}

void start_end(void) {
    vkn_context_destroy(lender);
}

static void hear(void *user, vkn_log_level level, const char *text) {
    struct start_log *h = user;
    const size_t length = strlen(h->text);
    if (!strstr(text, "pipelines")) return;
    h->warnings += level == VKN_LOG_WARNING;
    (void)snprintf(h->text + length, sizeof h->text - length, "%s\n", text);
}

vkn_context_info start_borrow(const char *path, struct start_log *heard) {
    interpose = (struct interpose){0};
    vkn_context_info info = interpose_borrow(lender);
    info.cache_path = path;
    info.log = hear;
    info.log_user = heard;
    *heard = (struct start_log){{0}, 0};
    return info;
}

vkn_context *start_open(const char *path, struct start_log *heard) {
    const vkn_context_info info = start_borrow(path, heard);
    vkn_context *context = NULL;
    MUST(vkn_context_create(&info, &context));
    return context;
}

vkn_result start_run(vkn_context *context, float *y) {
    const uint32_t shape[] = {ROWS, COLUMNS};
    float x[START_VALUES];
    for (size_t i = 0; i < START_VALUES; i++)
        x[i] = (float)((i * 7) % 11) - 4.5f;
    vkn_norm norm = vkn_norm_defaults(VKN_RMS);
    vkn_recorder *recorder = NULL;
    vkn_buffer *buffer = NULL;
    vkn_result result = vkn_recorder_create(context, &recorder);
    if (!result) result = vkn_buffer_create(context, sizeof x, &buffer);
    if (!result) result = vkn_buffer_upload(buffer, 0, x, sizeof x);
    if (!result) result = vkn_recorder_begin(recorder, VK_NULL_HANDLE);
    if (!result) {
        const vkn_tensor t = vkn_tensor_make(vkn_buffer_handle(buffer), 0, VKN_F32, VKN_CHANNELS_FIRST, 2, shape);
        result = vkn_norm_forward(recorder, &norm, &(vkn_forward_args){.x = t, .y = t});
    }
    if (!result) result = vkn_recorder_submit_and_wait(recorder);
    if (!result) result = vkn_buffer_download(buffer, 0, y, sizeof x);
    vkn_buffer_destroy(buffer);
    vkn_recorder_destroy(recorder);
    return result;
}

void start_work(vkn_context *context) {
    float y[START_VALUES];
    MUST(start_run(context, y));
    assert_memory_equal(y, expected, sizeof y);
}
