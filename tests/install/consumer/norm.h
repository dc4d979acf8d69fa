// SPDX-License-Identifier: MIT
// A layer norm on the device against the same in double. C11 and C++17; include vknorm's header (and volk's) before.
#ifndef NORM_H
#define NORM_H
#include <math.h>
#include <stdio.h>

enum { NORM_ROWS = 5, NORM_SIZE = 77 };

static double norm_error(const float *x, const float *weight, const float *bias, const float *y, double eps) {
    double worst = 0;
    for (int row = 0; row < NORM_ROWS; row++, x += NORM_SIZE, y += NORM_SIZE) {
        double mean = 0, var = 0;
        for (int i = 0; i < NORM_SIZE; i++)
            mean += x[i] / NORM_SIZE;
        for (int i = 0; i < NORM_SIZE; i++)
            var += (x[i] - mean) * (x[i] - mean) / NORM_SIZE;
        for (int i = 0; i < NORM_SIZE; i++) {
            double expected = (x[i] - mean) / sqrt(var + eps) * weight[i] + bias[i];
            worst = fmax(worst, fabs(y[i] - expected)); // fmax drops NaN, so y is asked as well
            if (isnan(y[i])) return (double)NAN;
        }
    }
    return worst;
}

static vkn_result norm_record(vkn_context *context, vkn_buffer *buffer, const VkDeviceSize *offset, vkn_norm norm) {
    vkn_recorder *recorder = NULL;
    vkn_result result = vkn_recorder_create(context, &recorder);
    const uint32_t rows[2] = {NORM_ROWS, NORM_SIZE};
    VkBuffer handle = vkn_buffer_handle(buffer);
    static vkn_forward_args args;
    args.x = vkn_tensor_make(handle, offset[0], VKN_F32, VKN_CHANNELS_FIRST, 2, rows);
    args.weight = vkn_tensor_make(handle, offset[1], VKN_F32, VKN_CHANNELS_FIRST, 1, rows + 1);
    args.bias = vkn_tensor_make(handle, offset[2], VKN_F32, VKN_CHANNELS_FIRST, 1, rows + 1);
    args.y = vkn_tensor_make(handle, offset[3], VKN_F32, VKN_CHANNELS_FIRST, 2, rows);
    if (result == VKN_OK) result = vkn_recorder_begin(recorder, VK_NULL_HANDLE);
    if (result == VKN_OK) result = vkn_norm_forward(recorder, &norm, &args);
    if (result == VKN_OK) result = vkn_recorder_submit_and_wait(recorder);
    vkn_recorder_destroy(recorder);
    return result;
}

// 0 where the device's numbers are right, for main to return.
static int norm_check(vkn_context *context) {
    static float x[NORM_ROWS * NORM_SIZE], y[NORM_ROWS * NORM_SIZE], weight[NORM_SIZE], bias[NORM_SIZE];
    for (int i = 0; i < NORM_ROWS * NORM_SIZE; i++)
        x[i] = (float)(3 + sin(i * 1.7) * (1 + i));
    for (int i = 0; i < NORM_SIZE; i++) {
        weight[i] = (float)cos(i);
        bias[i] = (float)i / NORM_SIZE;
    }
    const VkDeviceSize offset[4] = {0, sizeof x, sizeof x + sizeof weight, sizeof x + sizeof weight + sizeof bias};
    const vkn_norm norm = vkn_norm_defaults(VKN_LAYER);
    vkn_buffer *buffer = NULL;
    vkn_result result = vkn_buffer_create(context, offset[3] + sizeof y, &buffer);
    if (result == VKN_OK) result = vkn_buffer_upload(buffer, offset[0], x, sizeof x);
    if (result == VKN_OK) result = vkn_buffer_upload(buffer, offset[1], weight, sizeof weight);
    if (result == VKN_OK) result = vkn_buffer_upload(buffer, offset[2], bias, sizeof bias);
    if (result == VKN_OK) result = norm_record(context, buffer, offset, norm);
    if (result == VKN_OK) result = vkn_buffer_download(buffer, offset[3], y, sizeof y);
    vkn_buffer_destroy(buffer);
    if (result != VKN_OK) {
        printf("%s: %s\n", vkn_result_string(result), vkn_error_message());
        return 1;
    }
    const double error = norm_error(x, weight, bias, y, (double)norm.eps);
    printf("largest error of the layer norm %.3g\n", error);
    return error < 64 * ldexp(1, -23) ? 0 : 1;
}
#endif
