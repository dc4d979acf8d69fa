// SPDX-License-Identifier: MIT
// Whole files: read at once, and replaced at once, so that nobody finds half of one. `why` gets the reason of a
// failure, which does not name the file.
#ifndef VKN_FILE_H
#define VKN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <vknorm/vknorm.h>

// Reads a regular file of at most `most` bytes into memory for the caller to free. Errors: VKN_IO, VKN_BAD_FILE (too
// large), VKN_OUT_OF_MEMORY; *data is then NULL.
vkn_result vkn_file_read(const char *path, uint64_t most, void **data, size_t *bytes, char *why, size_t why_bytes);

// Writes what a file shall hold; false with errno where that fails.
typedef bool (*vkn_file_writer)(FILE *, const void *user);
// Writes a file beside `path`, syncs it and renames it to `path`, so that a failure leaves what was there untouched and
// of several writers one wins. Errors: VKN_IO, VKN_OUT_OF_MEMORY.
vkn_result vkn_file_replace(const char *path, vkn_file_writer write, const void *user, char *why, size_t why_bytes);

// A path as messages show it: a long one gives way to the reason, but not its last folders.
typedef struct vkn_file_name {
    char text[124];
} vkn_file_name;
vkn_file_name vkn_file_show(const char *path);

#endif
