// SPDX-License-Identifier: MIT
#include "device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel.h"

vkn_result nn_device_create(vkn_context *context, nn_device **out) {
    *out = NULL;
    nn_device *device = calloc(1, sizeof *device);
    if (!device) return VKN_OUT_OF_MEMORY;
    vkn_context_info info;
    vkn_context_get_info(context, &info);
    vkn_context_device_info(context, &device->info);
    device->context = context;
    device->handle = info.vk_device;
    volkInitializeCustom(info.get_instance_proc_addr);
    volkLoadInstanceOnly(info.instance);
    volkLoadDeviceTable(&device->vk, info.vk_device);
    const vkn_result result = vkn_recorder_create(context, &device->recorder);
    if (result != VKN_OK) {
        free(device);
        return result;
    }
    *out = device;
    return VKN_OK;
}

void nn_device_destroy(nn_device *device) {
    if (!device) return;
    vkn_recorder_destroy(device->recorder);
    nn_kernels_destroy(device);
    for (int i = 0; i < NN_LIFETIME_COUNT; i++)
        nn_arena_destroy(&device->arenas[i]);
    free(device);
}

void nn_begin(nn_device *device) {
    if (!nn_ok(device)) return;
    device->sets_taken = 0;
    nn_arena_reset(&device->arenas[NN_STEP]);
    // The recorder resets itself before our pools are: a command buffer must not outlive the sets it names.
    if (nn_check(device, vkn_recorder_begin(device->recorder, VK_NULL_HANDLE))) nn_kernels_recycle(device);
}

vkn_result nn_submit(nn_device *device) {
    if (nn_ok(device)) nn_check(device, vkn_recorder_submit_and_wait(device->recorder));
    return device->result;
}

void nn_barrier(nn_device *device) {
    if (nn_ok(device)) nn_check(device, vkn_recorder_barrier(device->recorder));
}

bool nn_ok(const nn_device *device) {
    return device->result == VKN_OK;
}

const char *nn_message(const nn_device *device) {
    return device->message;
}

void nn_clear(nn_device *device) {
    device->result = VKN_OK;
    device->message[0] = '\0';
}

void nn_fail(nn_device *device, vkn_result result, const char *format, ...) {
    if (!nn_ok(device)) return;
    device->result = result;
    va_list args;
    va_start(args, format);
    vsnprintf(device->message, sizeof device->message, format, args);
    va_end(args);
}

bool nn_check(nn_device *device, vkn_result result) {
    if (result != VKN_OK) nn_fail(device, result, "%s", vkn_error_message());
    return result == VKN_OK;
}
