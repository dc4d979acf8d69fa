// SPDX-License-Identifier: MIT
// Layers' tensors bit for bit, and .safetensors files written by hand.
#ifndef TESTS_STATE_FILE_H
#define TESTS_STATE_FILE_H

#include <stddef.h>

#include <vknorm/vknorm.h>

// Setup and teardown of a group of tests: a folder of its own (folder.h), and the rig that its tests share (rig.h).
int state_setup(void **state);
int state_teardown(void **state);

enum { HELD_BYTES = 128 }; // the largest slot

// What a layer holds, gradients too; zeros where it has no such slot.
struct held {
    unsigned char bytes[VKN_SLOT_COUNT][HELD_BYTES];
};
void layer_hold(vkn_layer *, struct held *);
// Any bits in every slot, NaN and denormals among them; num_batches_tracked is at least 0.
void layer_fill(vkn_layer *, uint32_t seed);
void layer_restore(vkn_layer *, const struct held *);

// One tensor of a file: what the header says of it, and the bytes that it gets.
struct file_tensor {
    const char *name, *dtype, *shape;
    size_t bytes;
};
// Writes a file; the header is padded with spaces to 8 bytes.
void file_write(const char *path, const char *header, const void *data, size_t bytes);
// The same of tensors one after another, all data bytes `fill`; returns the file's size.
size_t file_write_tensors(const char *path, const struct file_tensor *, size_t count, int fill);
void file_expect_same(const char *path, const char *other);

#endif
