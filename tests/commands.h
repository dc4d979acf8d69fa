// SPDX-License-Identifier: MIT
// The commands of a recorder as text, one a line, seen through the interposer.
#ifndef TESTS_COMMANDS_H
#define TESTS_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

#include <vknorm/vknorm.h>

enum { COMMANDS_TEXT = 1 << 14, COMMANDS_BUFFERS = 32 };

struct commands {
    char text[COMMANDS_TEXT];
    size_t length;
    // By number: those of the caller, and then those that a command names and that are not among them.
    VkBuffer buffers[COMMANDS_BUFFERS];
    uint32_t callers, buffer_count;
    VkBufferView texels[COMMANDS_BUFFERS]; // of the caller's buffers
    VkDescriptorSet written;               // the last one
};
extern struct commands commands;

// Forgets all; from now on the buffer and the texels of tensors[i] are called i.
void commands_begin(const vkn_tensor *tensors, uint32_t count);
// For interpose.stand_in.
PFN_vkVoidFunction commands_stand_in(const char *name, PFN_vkVoidFunction theirs);

#endif
