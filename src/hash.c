// SPDX-License-Identifier: MIT
#include "hash.h"

static const uint64_t prime1 = 0x9e3779b185ebca87, prime2 = 0xc2b2ae3d27d4eb4f, prime3 = 0x165667b19e3779f9,
                      prime4 = 0x85ebca77c2b2ae63, prime5 = 0x27d4eb2f165667c5;

static uint64_t rotate(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

// Little-endian, whatever the machine is; compilers make one load of it where it is.
static uint64_t read32(const uint8_t *at) {
    return at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
}

static uint64_t read64(const uint8_t *at) {
    return read32(at) | read32(at + 4) << 32;
}

static uint64_t mix(uint64_t sum, uint64_t word) {
    return rotate(sum + word * prime2, 31) * prime1;
}

// Four sums over blocks of four words, and these into one; moves *at to what is left.
static uint64_t hash_blocks(const uint8_t **at, const uint8_t *end, uint64_t seed) {
    static const unsigned turns[] = {1, 7, 12, 18};
    uint64_t sums[] = {seed + prime1 + prime2, seed + prime2, seed, seed - prime1}, hash = 0;
    for (; end - *at >= 32; *at += 32)
        for (int i = 0; i < 4; ++i)
            sums[i] = mix(sums[i], read64(*at + (ptrdiff_t)8 * i));
    for (int i = 0; i < 4; ++i)
        hash += rotate(sums[i], turns[i]);
    for (int i = 0; i < 4; ++i)
        hash = (hash ^ mix(0, sums[i])) * prime1 + prime4;
    return hash;
}

uint64_t vkn_hash(const void *data, size_t bytes, uint64_t seed) {
    const uint8_t *at = data, *end = at + bytes;
    uint64_t hash = (bytes >= 32 ? hash_blocks(&at, end, seed) : seed + prime5) + bytes;
    for (; end - at >= 8; at += 8)
        hash = rotate(hash ^ mix(0, read64(at)), 27) * prime1 + prime4;
    if (end - at >= 4) {
        hash = rotate(hash ^ read32(at) * prime1, 23) * prime2 + prime3;
        at += 4;
    }
    for (; at < end; ++at)
        hash = rotate(hash ^ *at * prime5, 11) * prime1;
    hash = (hash ^ hash >> 33) * prime2;
    hash = (hash ^ hash >> 29) * prime3;
    return hash ^ hash >> 32;
}
