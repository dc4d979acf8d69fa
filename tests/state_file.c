// SPDX-License-Identifier: MIT
#include "state_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"
#include "rig.h"

int state_setup(void **state) {
    return folder_enter(state) || fixture_open(state) ? -1 : 0;
}

int state_teardown(void **state) {
    return fixture_close(state) || folder_leave(state) ? -1 : 0;
}

// 0 where the layer has no such slot.
static size_t slot_bytes(const vkn_layer *layer, int slot) {
    vkn_tensor t = vkn_layer_tensor(layer, (vkn_slot)slot);
    size_t bytes = t.buffer ? vkn_tensor_count(&t) * (t.dtype == VKN_I64 ? 8 : 4) : 0;
    assert_true(bytes <= HELD_BYTES);
    return bytes;
}

void layer_hold(vkn_layer *layer, struct held *held) {
    memset(held, 0, sizeof *held);
    for (int slot = 0; slot < VKN_SLOT_COUNT; slot++) {
        size_t bytes = slot_bytes(layer, slot);
        if (bytes) MUST(vkn_layer_download(layer, (vkn_slot)slot, held->bytes[slot], bytes));
    }
}

void layer_fill(vkn_layer *layer, uint32_t seed) {
    uint32_t random = 2 * seed + 1;
    for (int slot = 0; slot < VKN_SLOT_COUNT; slot++) {
        unsigned char data[HELD_BYTES];
        size_t bytes = slot_bytes(layer, slot);
        for (size_t i = 0; i < bytes; i++) {
            random = random * 1664525u + 1013904223u;
            data[i] = (unsigned char)(random >> 24);
        }
        if (slot == VKN_NUM_BATCHES_TRACKED) data[7] = 0;
        if (bytes) MUST(vkn_layer_upload(layer, (vkn_slot)slot, data, bytes));
    }
}

void layer_restore(vkn_layer *layer, const struct held *held) {
    for (int slot = 0; slot < VKN_SLOT_COUNT; slot++) {
        size_t bytes = slot_bytes(layer, slot);
        if (bytes) MUST(vkn_layer_upload(layer, (vkn_slot)slot, held->bytes[slot], bytes));
    }
}

void file_write(const char *path, const char *header, const void *data, size_t bytes) {
    const size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    for (int i = 0; i < 8; i++)
        fputc((int)(padded >> (8 * i) & 255), stream);
    fprintf(stream, "%s%*s", header, (int)(padded - length), "");
    assert_int_equal(fwrite(data, 1, bytes, stream), bytes);
    assert_int_equal(fclose(stream), 0);
}

size_t file_write_tensors(const char *path, const struct file_tensor *tensors, size_t count, int fill) {
    char header[2048] = "{";
    unsigned char data[256];
    size_t used = 1, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct file_tensor *t = &tensors[i];
        used += (size_t)snprintf(header + used, sizeof header - used,
                                 "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}", i ? "," : "",
                                 t->name, t->dtype, t->shape, bytes, bytes + t->bytes);
        bytes += t->bytes;
    }
    assert_true(used + 2 < sizeof header && bytes <= sizeof data);
    memcpy(header + used, "}", 2);
    memset(data, fill, sizeof data);
    file_write(path, header, data, bytes);
    return 8 + (used + 1 + 7) / 8 * 8 + bytes;
}

static unsigned char *file_read(const char *path, size_t *size) {
    enum { MOST = 4096 };
    unsigned char *bytes = malloc(MOST);
    FILE *stream = fopen(path, "rb");
    assert_true(bytes && stream);
    *size = fread(bytes, 1, MOST, stream);
    assert_true(feof(stream));
    assert_int_equal(fclose(stream), 0);
    return bytes;
}

void file_expect_same(const char *path, const char *other) {
    size_t size, other_size;
    unsigned char *bytes = file_read(path, &size), *other_bytes = file_read(other, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(bytes, other_bytes, size);
    free(bytes);
    free(other_bytes);
}
