// SPDX-License-Identifier: MIT
#include "bench_memory.h"

#include <string.h>

#include "suites.h"

enum { BLOCK_BYTES = 1 << 20 };

// Of an IEEE number: its bits, those of its mantissa, and the exponent that stands for 1.
static const struct {
    uint32_t bits, mantissa, one;
} formats[SUITE_DTYPE_COUNT] = {[VKN_F32] = {32, 23, 127}, [VKN_F16] = {16, 10, 15}, [VKN_BF16] = {16, 7, 127}};

// A number of magnitude 0.5 to 2 from 32 random bits.
static uint32_t make_number(vkn_dtype dtype, uint32_t random, bool positive) {
    const uint32_t mantissa = random & ((1U << formats[dtype].mantissa) - 1);
    const uint32_t exponent = formats[dtype].one - (random >> 30 & 1);
    const uint32_t sign = positive ? 0 : random >> 31;
    return sign << (formats[dtype].bits - 1) | exponent << formats[dtype].mantissa | mantissa;
}

static void make_block(vkn_dtype dtype, bool positive, uint8_t *block) {
    const size_t bytes = formats[dtype].bits / 8;
    uint64_t state = 1;
    for (size_t i = 0; i < BLOCK_BYTES; i += bytes) {
        state = state * 6364136223846793005U + 1442695040888963407U; // Knuth's linear congruential generator
        const uint32_t number = make_number(dtype, (uint32_t)(state >> 32), positive);
        const uint16_t half = (uint16_t)number;
        memcpy(block + i, bytes == sizeof number ? (const void *)&number : &half, bytes);
    }
}

// Uploads one block, and has the device double what there is until the buffer is full.
static vkn_result fill(const bench_device *device, vkn_buffer *buffer, vkn_dtype dtype, bool positive) {
    static uint8_t block[BLOCK_BYTES];
    make_block(dtype, positive, block);
    const VkDeviceSize size = vkn_buffer_size(buffer);
    VkBuffer handle = vkn_buffer_handle(buffer);
    VkDeviceSize filled = size < sizeof block ? size : sizeof block;
    vkn_result result = vkn_buffer_upload(buffer, 0, block, filled);
    if (result == VKN_OK) {
        result = vkn_recorder_begin(device->recorder, VK_NULL_HANDLE);
    }
    while (result == VKN_OK && filled < size) {
        const VkDeviceSize more = size - filled < filled ? size - filled : filled;
        const VkBufferCopy region = {.srcOffset = 0, .dstOffset = filled, .size = more};
        device->vk.vkCmdCopyBuffer(vkn_recorder_command_buffer(device->recorder), handle, handle, 1, &region);
        result = vkn_recorder_barrier(device->recorder);
        filled += more;
    }
    return result == VKN_OK ? vkn_recorder_submit_and_wait(device->recorder) : result;
}

vkn_result bench_memory_get(bench_memory *self, bench_place place, uint64_t bytes, vkn_dtype dtype) {
    vkn_result result = VKN_OK;
    if (self->buffers[place] && vkn_buffer_size(self->buffers[place]) < bytes) {
        vkn_buffer_destroy(self->buffers[place]);
        self->buffers[place] = NULL;
    }
    const bool fresh = !self->buffers[place];
    if (fresh) {
        result = vkn_buffer_create(self->device->context, bytes, &self->buffers[place]);
    }
    if (result == VKN_OK && (fresh || self->dtypes[place] != dtype)) {
        result = fill(self->device, self->buffers[place], dtype, place == BENCH_PARAMETERS);
        self->dtypes[place] = dtype;
    }
    if (result != VKN_OK) {
        bench_memory_free(self);
    }
    return result;
}

void bench_memory_trim(bench_memory *self, const uint64_t bytes[BENCH_PLACE_COUNT], uint64_t limit) {
    uint64_t all = 0;
    for (uint32_t i = 0; i < BENCH_PLACE_COUNT; i++) {
        const uint64_t held = self->buffers[i] ? vkn_buffer_size(self->buffers[i]) : 0;
        all += held > bytes[i] ? held : bytes[i];
    }
    if (all > limit) {
        bench_memory_free(self);
    }
}

void bench_memory_free(bench_memory *self) {
    for (uint32_t i = 0; i < BENCH_PLACE_COUNT; i++) {
        vkn_buffer_destroy(self->buffers[i]);
        self->buffers[i] = NULL;
    }
}
