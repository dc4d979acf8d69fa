// SPDX-License-Identifier: MIT
// A device to run small networks on: a vkn_context with a recorder, and what it takes to record compute kernels of
// one's own into the recorder's command buffer (kernel.h) on tensors that the device owns (tensor.h).
//
// Errors stick: the first failure is kept with its message, calls after it record nothing, and nn_submit returns it.
// So layers need no check after each call; whoever drives them asks once. One thread at a time.
#ifndef NN_DEVICE_H
#define NN_DEVICE_H

#include <volk.h>

#include <vknorm/vknorm.h>

#include "arena.h"

typedef struct nn_pipeline nn_pipeline;

enum { NN_MESSAGE_SIZE = 512 };

typedef struct nn_device {
    vkn_context *context; // the caller's
    vkn_recorder *recorder;
    VkDevice handle;
    struct VolkDeviceTable vk;
    vkn_device_info info;

    nn_pipeline *pipelines; // kernel.c: those built so far
    VkDescriptorPool *pools;
    uint32_t pool_count, sets_taken; // sets_taken: in all pools, since nn_begin

    nn_arena arenas[NN_LIFETIME_COUNT];

    vkn_result result; // the first failure
    char message[NN_MESSAGE_SIZE];
} nn_device;

// The context must outlive the device.
vkn_result nn_device_create(vkn_context *, nn_device **out);
void nn_device_destroy(nn_device *); // NULL is fine; tensors of the device die with it

// Starts recording one step. Tensors with the lifetime of a step, descriptor sets and scratch memory of the step before
// are recycled; once warm, nothing is allocated.
void nn_begin(nn_device *);
// Submits what was recorded since nn_begin, as one command buffer, and waits. Returns the first failure since the
// device was made or nn_clear was called; then nothing is submitted.
vkn_result nn_submit(nn_device *);
// What is written by the commands so far becomes visible to those that follow. nn_dispatch ends with it.
void nn_barrier(nn_device *);

bool nn_ok(const nn_device *);
const char *nn_message(const nn_device *); // of the first failure
void nn_clear(nn_device *);                // forgets it
// Keeps the failure if it is the first one.
__attribute__((format(printf, 3, 4))) void nn_fail(nn_device *, vkn_result, const char *format, ...);
// As nn_fail, with the library's own message, if `result` is a failure. Returns whether it is VKN_OK.
bool nn_check(nn_device *, vkn_result result);

#endif
