// SPDX-License-Identifier: MIT
// The pipeline cache's file in memory: a file is taken only as it was written and only for whom; whatever else is
// refused, without a byte beyond it read (each file has a block of its own, for AddressSanitizer to watch).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache_file.h"
#include "hash.h"

enum { DATA_HEADER = 32, DATA = DATA_HEADER + 150, FILE_BYTES = VKN_CACHE_HEADER_BYTES + DATA };

static const vkn_cache_identity identity = {.vendor_id = 0x1002,
                                            .device_id = 0x73bf,
                                            .driver_version = 0x05803003,
                                            .uuid = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 0, 255, 128, 127},
                                            .shaders = 0xfedcba9876543210};

// What a driver gives: its header, little-endian, and bytes.
static void fill_data(unsigned char *data, const vkn_cache_identity *of) {
    const uint32_t words[] = {DATA_HEADER, 1, of->vendor_id, of->device_id};
    for (size_t i = 0; i < 16; i++)
        data[i] = (unsigned char)(words[i / 4] >> (8 * (i % 4)));
    memcpy(data + 16, of->uuid, sizeof of->uuid);
    for (size_t i = DATA_HEADER; i < DATA; i++)
        data[i] = (unsigned char)(i * 37 + i / 7);
}

static void make_file(unsigned char *file) {
    char why[256] = "";
    fill_data(file + VKN_CACHE_HEADER_BYTES, &identity);
    if (!vkn_cache_seal(file, FILE_BYTES, &identity, why, sizeof why)) fail_msg("%s", why);
}

static bool taken(const unsigned char *file, size_t bytes, const vkn_cache_identity *by, char *why, size_t why_bytes) {
    unsigned char *alone = malloc(bytes ? bytes : 1);
    assert_non_null(alone);
    memcpy(alone, file, bytes);
    *why = '\0';
    const bool result = vkn_cache_check(alone, bytes, by, why, why_bytes);
    assert_int_equal(*why == '\0', result); // a refusal has a reason
    free(alone);
    return result;
}

static void expect_refused(const unsigned char *file, size_t bytes, const vkn_cache_identity *by, const char *words) {
    char why[256];
    if (taken(file, bytes, by, why, sizeof why)) fail_msg("taken, must be refused: %s", words);
    if (strncmp(why, words, strlen(words)) != 0) fail_msg("refused for \"%s\", must begin with \"%s\"", why, words);
}

// XXH64 as its author publishes it.
static void hash_is_xxh64(void **state) {
    (void)state;
    static const char text[] = "Nobody inspects the spammish repetition";
    assert_true(vkn_hash("", 0, 0) == 0xef46db3751d8e999);
    assert_true(vkn_hash("a", 1, 0) == 0xd24ec4f1a98c6e5b);
    assert_true(vkn_hash("abc", 3, 0) == 0x44bc2cf5ad770999);
    assert_true(vkn_hash(text, strlen(text), 0) == 0xfbcea83c8a378bf1);
    assert_true(vkn_hash("xxhash", 6, 20141025) == 0xb559b98d844e0635);
}

// The fields in their order in the file, and the bytes they have.
static const struct {
    const char *name;
    size_t bytes;
} fields[] = {
    {"magic", 8},         {"format", 4},        {"bytes of a pointer", 4}, {"vendorID", 4},
    {"deviceID", 4},      {"driverVersion", 4}, {"pipelineCacheUUID", 16}, {"hash of the shaders", 8},
    {"bytes of data", 8}, {"hash", 8},
};

static void each_bit_counts(void **state) {
    (void)state;
    unsigned char file[FILE_BYTES];
    char why[256], words[64];
    make_file(file);
    assert_true(taken(file, sizeof file, &identity, why, sizeof why));
    size_t field = 0, end = fields[0].bytes;
    for (size_t i = 0; i < sizeof file; i++) {
        if (i == end && i < VKN_CACHE_HEADER_BYTES) end += fields[++field].bytes;
        if (i >= VKN_CACHE_HEADER_BYTES) field = sizeof fields / sizeof *fields - 1; // of the data the hash tells
        (void)snprintf(words, sizeof words, "%s: the bytes ", fields[field].name);
        for (int bit = 0; bit < 8; bit++) {
            file[i] ^= (unsigned char)(1 << bit);
            expect_refused(file, sizeof file, &identity, words);
            file[i] ^= (unsigned char)(1 << bit);
        }
    }
    assert_int_equal(end, VKN_CACHE_HEADER_BYTES);
    assert_true(taken(file, sizeof file, &identity, why, sizeof why));
}

static void each_length_counts(void **state) {
    (void)state;
    unsigned char file[FILE_BYTES + 40] = {0};
    make_file(file);
    for (size_t bytes = 0; bytes < sizeof file; bytes++) {
        if (bytes == FILE_BYTES) continue;
        bool too_short = bytes < VKN_CACHE_HEADER_BYTES + DATA_HEADER;
        expect_refused(file, bytes, &identity, too_short ? "" : "bytes of data: the bytes ");
    }
    expect_refused(file, 99, &identity, "99 bytes, must be 100 to 268435456");
    char why[256] = "";
    const size_t beyond = (size_t)VKN_CACHE_MOST_BYTES + 1; // refused before any of it is looked at
    assert_false(vkn_cache_check(file, beyond, &identity, why, sizeof why));
    assert_string_equal(why, "268435457 bytes, must be 100 to 268435456");
    assert_false(vkn_cache_seal(file, beyond, &identity, why, sizeof why));
}

static void the_file_of_another_is_refused(void **state) {
    (void)state;
    unsigned char file[FILE_BYTES];
    make_file(file);
    vkn_cache_identity other = identity;
    other.vendor_id = 0x10de;
    expect_refused(file, sizeof file, &other, "vendorID: the bytes 02100000, must be de100000");
    other = identity;
    other.device_id++;
    expect_refused(file, sizeof file, &other, "deviceID: the bytes bf730000, must be c0730000");
    other = identity;
    other.driver_version++;
    expect_refused(file, sizeof file, &other, "driverVersion: the bytes 03308005, must be 04308005");
    other = identity;
    other.shaders = 0;
    expect_refused(file, sizeof file, &other,
                   "hash of the shaders: the bytes 1032547698badcfe, must be 0000000000000000");
    for (size_t i = 0; i < sizeof other.uuid; i++) {
        other = identity;
        other.uuid[i] ^= 0x10;
        expect_refused(file, sizeof file, &other,
                       "pipelineCacheUUID: the bytes 01020305080d1522375990e900ff807f, must");
    }
}

// Data that are not the driver's own are neither written nor, behind a header that fits them, read.
static void data_of_another_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"headerSize", "headerVersion", "vendorID", "deviceID"};
    unsigned char file[FILE_BYTES];
    char why[256], words[64];
    for (size_t i = 0; i < DATA_HEADER; i++) {
        make_file(file);
        file[VKN_CACHE_HEADER_BYTES + i] ^= 0x80;
        (void)snprintf(words, sizeof words, "%s of the data: the bytes ", i < 16 ? names[i / 4] : "pipelineCacheUUID");
        assert_false(vkn_cache_seal(file, sizeof file, &identity, why, sizeof why));
        assert_memory_equal(why, words, strlen(words));
        expect_refused(file, sizeof file, &identity, words);
    }
}

// ---- Random damage -----------------------------------------------------------------------------------------------
static uint64_t random_state;

// xorshift64* by Vigna (2016)
static uint32_t random_below(uint32_t limit) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545f4914f6cdd1d) >> 33) % limit;
}

static size_t mutate(unsigned char *file, size_t bytes, size_t room) {
    const uint32_t at = bytes ? random_below((uint32_t)bytes) : 0, left = (uint32_t)bytes - at;
    const uint32_t length = left ? random_below(left < 64 ? left : 64) + 1 : 0;
    switch (random_below(5)) {
    case 0: // other bytes
        for (uint32_t i = 0; i < length; i++)
            file[at + i] = (unsigned char)random_below(256);
        return bytes;
    case 1: // a bit
        if (length) file[at] ^= (unsigned char)(1 << random_below(8));
        return bytes;
    case 2: // something from elsewhere
        if (length) memmove(file + at, file + random_below((uint32_t)bytes - length + 1), length);
        return bytes;
    case 3: // an end
        return at;
    default: // more
        for (size_t i = bytes; i < room; i++)
            file[i] = (unsigned char)random_below(256);
        return bytes + random_below((uint32_t)(room - bytes) + 1);
    }
}

static void random_damage_is_refused(void **state) {
    (void)state;
    enum { ROUNDS = 50000, ROOM = FILE_BYTES + 64 };
    unsigned char whole[FILE_BYTES], file[ROOM];
    char why[256];
    uint32_t refused = 0, resealed = 0;
    make_file(whole);
    for (uint32_t seed = 1; seed <= ROUNDS; seed++) {
        random_state = seed * 0x9e3779b97f4a7c15;
        memcpy(file, whole, sizeof whole);
        size_t bytes = sizeof whole;
        for (uint32_t i = random_below(4) + 1; i > 0; i--)
            bytes = mutate(file, bytes, sizeof file);
        const bool same = bytes == sizeof whole && memcmp(file, whole, bytes) == 0;
        if (taken(file, bytes, &identity, why, sizeof why) != same) fail_msg("seed %u: %s", seed, same ? why : "taken");
        refused += !same;
        // With a header that fits: what is refused to be written is refused to be read, and the other way round.
        const bool sealed = vkn_cache_seal(file, bytes, &identity, why, sizeof why);
        if (taken(file, bytes, &identity, why, sizeof why) != sealed) fail_msg("seed %u: sealed: %s", seed, why);
        resealed += sealed;
    }
    assert_true(refused > ROUNDS / 2 && resealed > ROUNDS / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_xxh64),
        cmocka_unit_test(each_bit_counts),
        cmocka_unit_test(each_length_counts),
        cmocka_unit_test(the_file_of_another_is_refused),
        cmocka_unit_test(data_of_another_are_refused),
        cmocka_unit_test(random_damage_is_refused),
    };
    return cmocka_run_group_tests_name("cache_file", tests, NULL, NULL);
}
