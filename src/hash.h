// SPDX-License-Identifier: MIT
// XXH64, Yann Collet's 64-bit hash: finds damage in files, not malice.
#ifndef VKN_HASH_H
#define VKN_HASH_H
#include <stddef.h>
#include <stdint.h>

uint64_t vkn_hash(const void *data, size_t bytes, uint64_t seed);

#endif
