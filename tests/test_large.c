// SPDX-License-Identifier: MIT
// One tensor beyond what a single descriptor of lavapipe can see (128 MiB), with no limit forced: rms norm of short
// rows, each row checked by itself against its own few numbers.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <vknorm/vknorm.h>

#include "rig.h"

enum { ROWS = 273001, COLUMNS = 124 }; // 135 408 496 bytes: 1 190 768 more than 128 MiB

static vkn_result normalize(const struct rig *rig, const float *x, float *y) {
    vkn_buffer *buffer = NULL;
    const VkDeviceSize bytes = (VkDeviceSize)ROWS * COLUMNS * sizeof *x;
    vkn_norm norm = vkn_norm_defaults(VKN_RMS);
    vkn_result result = vkn_buffer_create(rig->context, bytes, &buffer);
    if (!result) result = vkn_buffer_upload(buffer, 0, x, bytes);
    if (!result) result = vkn_recorder_begin(rig->recorder, VK_NULL_HANDLE);
    vkn_tensor t = {.buffer = vkn_buffer_handle(buffer), .rank = 2, .shape = {ROWS, COLUMNS}};
    vkn_forward_args args = {.x = t, .y = t};
    if (!result) result = vkn_norm_forward(rig->recorder, &norm, &args);
    if (!result) result = vkn_recorder_submit_and_wait(rig->recorder);
    if (!result) result = vkn_buffer_download(buffer, 0, y, bytes);
    vkn_buffer_destroy(buffer);
    return result;
}

static int check(const float *x, const float *y) {
    for (size_t row = 0; row < ROWS; row++) {
        double square = 0;
        for (size_t i = 0; i < COLUMNS; i++)
            square += (double)x[row * COLUMNS + i] * (double)x[row * COLUMNS + i];
        double rstd = 1 / sqrt(square / COLUMNS + (double)1e-5f);
        for (size_t i = 0; i < COLUMNS; i++) {
            double want = (double)x[row * COLUMNS + i] * rstd, got = (double)y[row * COLUMNS + i];
            if (fabs(got - want) <= 64 * 0x1p-23) continue;
            fprintf(stderr, "y[%zu, %zu] is %.9g, must be %.9g\n", row, i, got, want);
            return 1;
        }
    }
    return 0;
}

int main(void) {
    struct rig rig;
    if (rig_open(&rig, NULL)) return 1;
    vkn_device_info about;
    vkn_context_device_info(rig.context, &about);
    printf("%s: %llu bytes a binding, the tensor has %llu\n", about.name, (unsigned long long)about.max_binding_bytes,
           (unsigned long long)ROWS * COLUMNS * sizeof(float));
    float *x = calloc((size_t)ROWS * COLUMNS, sizeof *x), *y = calloc((size_t)ROWS * COLUMNS, sizeof *y);
    int failed = !x || !y;
    uint32_t state = 1;
    for (size_t i = 0; !failed && i < (size_t)ROWS * COLUMNS; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    if (!failed && normalize(&rig, x, y)) {
        fprintf(stderr, "%s\n", vkn_error_message());
        failed = 1;
    }
    if (!failed) failed = check(x, y);
    free(x);
    free(y);
    rig_close(&rig);
    return failed;
}
