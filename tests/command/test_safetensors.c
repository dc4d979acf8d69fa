// SPDX-License-Identifier: MIT
// The safetensors reader and writer: every way a file can be wrong, and that what is written is read back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../folder.h"
#include "safetensors.h"

#define ENTRY(dtype, shape, begin, end)                                                                                \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

// A file of `header` and `data_bytes` of data; `declared` is the size it claims for its header, 0: the true one.
typedef struct wrong_file {
    const char *header;
    uint64_t declared;
    size_t data_bytes;
    const char *message;
} wrong_file;

static const wrong_file wrong_files[] = {
    {"{}", UINT64_MAX, 0, "the header has 18446744073709551615 bytes, at most 16777216 are read"},
    {"{}", 16777217, 0, "the header has 16777217 bytes, at most 16777216 are read"},
    {"{}", 11, 8, "the header has 11 bytes, but the file only 10 more"},
    {"", 0, 0, "the header must start with '{'"},
    {" {}", 0, 0, "the header must start with '{'"},
    {"[]", 0, 0, "the header must start with '{'"},
    {"{", 0, 0, "the header is not JSON: byte 1: "},
    {"{} x", 0, 0, "the header is not JSON: byte 4: end of file expected"},
    {"{\"\xff\":1}", 0, 0, "the header is not JSON: byte 2: unable to decode byte 0xff"},
    {"{\"a\":" ENTRY("U8", "[1]", "0", "1") ",\"a\":" ENTRY("U8", "[1]", "0", "1") "}", 0, 1, "duplicate object key"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 0, 1, "duplicate object key"},
    {"{\"a\":3}", 0, 0, "tensor a: its entry must be an object, but is 3"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 0, 1, "tensor a: dtype must be given, but is missing"},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 0, 1, "tensor a: shape must be given, but is missing"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 0, 1, "tensor a: data_offsets must be given, but is missing"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"b\":1}}", 0, 1,
     "tensor a: its entry must be an object of dtype, shape and data_offsets alone"},
    {"{\"a\":" ENTRY("F33", "[1]", "0", "4") "}", 0, 4, "tensor a: dtype must be one of the format's"},
    {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,1]}}", 0, 1, "but is 7"},
    {"{\"a\":" ENTRY("U8", "3", "0", "3") "}", 0, 3, "tensor a: shape must be an array of sizes, but is 3"},
    {"{\"a\":" ENTRY("U8", "[-1]", "0", "1") "}", 0, 1, "tensor a: shape must be an array of sizes, but is [-1]"},
    {"{\"a\":" ENTRY("U8", "[1.0]", "0", "1") "}", 0, 1, "tensor a: shape must be an array of sizes, but is [1.0]"},
    {"{\"a\":" ENTRY("U8", "[99999999999999999999]", "0", "1") "}", 0, 1, "too big integer"},
    {"{\"a\":" ENTRY("U8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "0", "1") "}", 0, 1,
     "tensor a: shape has 17 dimensions, at most 16 are read"},
    {"{\"a\":" ENTRY("F32", "[4611686018427387904,4]", "0", "0") "}", 0, 0,
     "tensor a: shape overflows 64 bits of bytes"},
    {"{\"a\":" ENTRY("F32", "[4611686018427387904]", "0", "0") "}", 0, 0, "tensor a: shape overflows 64 bits of bytes"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":1}}", 0, 1, "tensor a: data_offsets must be an array of"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 0, 1,
     "tensor a: data_offsets must be an array of"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 0, 1, "but is [0,1,1]"},
    {"{\"a\":" ENTRY("U8", "[1]", "0", "1.0") "}", 0, 1, "but is [0,1.0]"},
    {"{\"a\":" ENTRY("U8", "[1]", "-1", "0") "}", 0, 1, "but is [-1,0]"},
    {"{\"a\":" ENTRY("U8", "[1]", "1", "0") "}", 0, 1, "but is [1,0]"},
    {"{\"a\":" ENTRY("U8", "[3]", "0", "3") "}", 0, 2,
     "tensor a: data_offsets end at 3, but the file has 2 data bytes"},
    {"{\"a\":" ENTRY("F32", "[2]", "0", "4") "}", 0, 4,
     "tensor a: data_offsets span 4 bytes, but dtype and shape need 8"},
    {"{\"a\":" ENTRY("U8", "[2]", "0", "2") ",\"b\":" ENTRY("U8", "[2]", "1", "3") "}", 0, 3,
     "tensor b: data_offsets begin at 1, but the data before end at 2: an overlap"},
    {"{\"a\":" ENTRY("U8", "[2]", "0", "2") ",\"b\":" ENTRY("U8", "[0]", "1", "1") "}", 0, 2,
     "tensor b: data_offsets begin at 1, but the data before end at 2: an overlap"},
    {"{\"b\":" ENTRY("U8", "[1]", "2", "3") ",\"a\":" ENTRY("U8", "[1]", "0", "1") "}", 0, 3,
     "tensor b: data_offsets begin at 2, but the data before end at 1: a hole"},
    {"{\"a\":" ENTRY("U8", "[1]", "1", "2") "}", 0, 2,
     "tensor a: data_offsets begin at 1, but the data before end at 0: a hole"},
    {"{\"a\":" ENTRY("U8", "[1]", "0", "1") "}", 0, 3, "the tensors end at 1, but the file has 3 data bytes"},
    {"{}", 0, 1, "the tensors end at 0, but the file has 1 data bytes"},
    {"{\"__metadata__\":[]}", 0, 0, "__metadata__ must be an object of strings"},
    {"{\"__metadata__\":{\"k\":1}}", 0, 0, "__metadata__: the value of k must be a string"},
};

// A file in a block of just its size, so that a sanitizer sees the first byte read beyond it.
static unsigned char *make_file(const char *header, uint64_t declared, size_t data_bytes, size_t *size) {
    const size_t length = strlen(header);
    *size = 8 + length + data_bytes;
    unsigned char *file = malloc(*size);
    assert_non_null(file);
    for (int i = 0; i < 8; i++) {
        file[i] = (unsigned char)((declared > 0 ? declared : length) >> (8 * i));
    }
    for (size_t i = 0; i < length; i++) {
        file[8 + i] = (unsigned char)header[i];
    }
    for (size_t i = 0; i < data_bytes; i++) {
        file[8 + length + i] = (unsigned char)i;
    }
    return file;
}

static void test_wrong_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong_files / sizeof wrong_files[0]; i++) {
        const wrong_file *wrong = &wrong_files[i];
        size_t size;
        unsigned char *bytes = make_file(wrong->header, wrong->declared, wrong->data_bytes, &size);
        vkn_safetensors file;
        vkn_safetensors_error error = {""};
        assert_int_equal(vkn_safetensors_parse(bytes, size, &file, &error), VKN_BAD_FILE);
        if (!strstr(error.text, wrong->message)) {
            fail_msg("%s\n  says:   %s\n  not:    %s", wrong->header, error.text, wrong->message);
        }
        assert_int_equal(file.count, 0);
        assert_null(file.tensors);
        assert_null(file.header);
        free(bytes);
    }
}

static void test_good_file(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes =
        make_file("{\"b\":" ENTRY("I64", "[]", "6", "14") ",\"__metadata__\":{\"k\":\"v\"},\"a\":" ENTRY(
                      "BF16", "[1,3]", "0", "6") ",\"empty\":" ENTRY("F32", "[5,0]", "6", "6") "}   ",
                  0, 14, &size);
    vkn_safetensors file;
    vkn_safetensors_error error = {""};
    if (vkn_safetensors_parse(bytes, size, &file, &error) != VKN_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(file.count, 3);
    const vkn_safetensor *a = vkn_safetensors_find(&file, "a");
    const vkn_safetensor *b = vkn_safetensors_find(&file, "b");
    const vkn_safetensor *empty = vkn_safetensors_find(&file, "empty");
    assert_true(a && b && empty);
    assert_null(vkn_safetensors_find(&file, "c"));
    assert_int_equal(a->dtype, VKN_SAFETENSORS_BF16);
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->shape[1], 3);
    assert_ptr_equal(a->data, bytes + size - 14);
    assert_int_equal(b->rank, 0);
    assert_int_equal(b->bytes, 8);
    assert_ptr_equal(b->data, bytes + size - 8);
    assert_int_equal(empty->bytes, 0);
    vkn_safetensors_free(&file);
    free(bytes);
}

// What RFC 3629 allows, from the first to the last of each length, and what it does not.
static void test_names_are_utf8(void **state) {
    (void)state;
    static const char *const good[] = {"",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2z",
                                      "\xe0\x9f\xbf",
                                      "\xe2\x82",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf0\x9f\x98",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xff"};
    vkn_safetensors_error error;
    vkn_safetensors file;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const vkn_safetensor tensor = {good[i], VKN_SAFETENSORS_U8, 0, {0}, "x", 1};
        assert_int_equal(vkn_safetensors_save("name", &tensor, 1, &error), VKN_OK);
        assert_int_equal(vkn_safetensors_load("name", &file, &error), VKN_OK);
        assert_non_null(vkn_safetensors_find(&file, good[i]));
        vkn_safetensors_free(&file);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const vkn_safetensor tensor = {bad[i], VKN_SAFETENSORS_U8, 0, {0}, "x", 1};
        assert_int_equal(vkn_safetensors_save("name", &tensor, 1, &error), VKN_BAD_ARGUMENT);
        assert_non_null(strstr(error.text, "its name is not UTF-8"));
    }
    unlink("name");
}

// Reads a copy of exactly its size; where that succeeds, every tensor must lie inside.
static bool loads_cleanly(const unsigned char *bytes, size_t size) {
    unsigned char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    vkn_safetensors file;
    vkn_safetensors_error error = {""};
    const vkn_result result = vkn_safetensors_parse(copy, size, &file, &error);
    if (result == VKN_OK) {
        unsigned sum = 0;
        for (size_t i = 0; i < file.count; i++) {
            const unsigned char *data = file.tensors[i].data;
            assert_true(data >= copy && data + file.tensors[i].bytes <= copy + size);
            for (uint64_t b = 0; b < file.tensors[i].bytes; b++) {
                sum += data[b];
            }
        }
        assert_true(sum < 256 * size);
    } else {
        assert_int_equal(result, VKN_BAD_FILE);
        assert_true(error.text[0] != '\0');
        assert_null(file.tensors);
    }
    vkn_safetensors_free(&file);
    free(copy);
    return result == VKN_OK;
}

static void test_every_truncation_and_mutation(void **state) {
    (void)state;
    const char *header = "{\"c.x\":" ENTRY("F32", "[2,1]", "0", "8") ",\"c.n\":" ENTRY("I64", "[]", "8", "16") "}";
    size_t size;
    unsigned char *bytes = make_file(header, 0, 16, &size);
    assert_true(loads_cleanly(bytes, size));
    for (size_t length = 0; length < size; length++) {
        assert_false(loads_cleanly(bytes, length));
    }
    for (size_t i = 0; i < size - 16; i++) {
        const unsigned char original = bytes[i];
        for (unsigned value = 0; value < 256; value++) {
            bytes[i] = (unsigned char)value;
            loads_cleanly(bytes, size);
        }
        bytes[i] = original;
    }
    free(bytes);
}

static size_t count_files(const char *folder) {
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    size_t count = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static const float values[] = {1.5F, -2.0F, 3.25F};
static const int64_t counter = INT64_MIN;
static const vkn_safetensor saved[] = {
    {"b.bytes", VKN_SAFETENSORS_U8, 1, {3}, "\1\2\3", 3},
    {"a.x", VKN_SAFETENSORS_F32, 2, {3, 1}, values, sizeof values},
    {"a.empty", VKN_SAFETENSORS_F16, 3, {2, 0, 4}, NULL, 0},
    {"a.\xc3\xa9\"\\", VKN_SAFETENSORS_I64, 0, {0}, &counter, sizeof counter},
};
enum { SAVED_COUNT = sizeof saved / sizeof saved[0] };

static void check_saved(const vkn_safetensors *file) {
    assert_int_equal(file->count, SAVED_COUNT);
    for (size_t i = 0; i < SAVED_COUNT; i++) {
        const vkn_safetensor *read = vkn_safetensors_find(file, saved[i].name);
        assert_non_null(read);
        assert_int_equal(read->dtype, saved[i].dtype);
        assert_int_equal(read->rank, saved[i].rank);
        assert_memory_equal(read->shape, saved[i].shape, sizeof read->shape);
        assert_int_equal(read->bytes, saved[i].bytes);
        assert_true(read->bytes == 0 || memcmp(read->data, saved[i].data, read->bytes) == 0);
        const uint64_t place = (uint64_t)((const char *)read->data - (const char *)file->file);
        assert_int_equal(place % vkn_safetensors_dtype_bytes(read->dtype), 0);
    }
}

static void test_round_trip(void **state) {
    (void)state;
    vkn_safetensors file;
    vkn_safetensors_error error;
    for (int time = 0; time < 2; time++) { // the second time over the first file
        assert_int_equal(vkn_safetensors_save("round.safetensors", saved, SAVED_COUNT, &error), VKN_OK);
        assert_int_equal(vkn_safetensors_load("round.safetensors", &file, &error), VKN_OK);
        check_saved(&file);
        vkn_safetensors_free(&file);
    }
    assert_int_equal(vkn_safetensors_save("./none.safetensors", NULL, 0, &error), VKN_OK);
    assert_int_equal(vkn_safetensors_load("none.safetensors", &file, &error), VKN_OK);
    assert_int_equal(file.count, 0);
    assert_null(vkn_safetensors_find(&file, "x"));
    vkn_safetensors_free(&file);
    assert_int_equal(count_files("."), 2);
    unlink("round.safetensors");
    unlink("none.safetensors");
}

static void test_load_errors(void **state) {
    (void)state;
    vkn_safetensors file;
    vkn_safetensors_error error;
    assert_int_equal(vkn_safetensors_load("missing.safetensors", &file, &error), VKN_IO);
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(vkn_safetensors_load(".", &file, &error), VKN_IO);
    assert_string_equal(error.text, "not a regular file");
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(vkn_safetensors_load("pipe", &file, &error), VKN_IO);
    assert_string_equal(error.text, "not a regular file");
    unlink("pipe");
    FILE *stream = fopen("short.safetensors", "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite("1234567", 1, 7, stream), 7);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(vkn_safetensors_load("short.safetensors", &file, &error), VKN_BAD_FILE);
    assert_string_equal(error.text, "the file has 7 bytes, the header's size alone takes 8");
    assert_null(file.file);
    unlink("short.safetensors");
}

static void test_save_errors(void **state) {
    (void)state;
    static const vkn_safetensor short_one[] = {{"a", VKN_SAFETENSORS_F32, 1, {3}, values, 8}};
    static const vkn_safetensor twins[] = {{"a", VKN_SAFETENSORS_F32, 1, {3}, values, 12},
                                           {"a", VKN_SAFETENSORS_F32, 1, {1}, values, 4}};
    static const vkn_safetensor bad_name[] = {{"\xff", VKN_SAFETENSORS_F32, 1, {3}, values, 12}};
    static const struct {
        const char *path;
        const vkn_safetensor *tensors;
        size_t count;
        vkn_result result;
        const char *message;
    } wrong[] = {
        {"kept", short_one, 1, VKN_BAD_ARGUMENT, "tensor a: 8 bytes given, but dtype and shape need 12"},
        {"kept", twins, 2, VKN_BAD_ARGUMENT, "tensor a is there twice"},
        {"kept", bad_name, 1, VKN_BAD_ARGUMENT, "its name is not UTF-8"},
        {"missing/out", saved, SAVED_COUNT, VKN_IO, "cannot create missing/out."},
        {"folder", saved, SAVED_COUNT, VKN_IO, "there is something that is not a regular file"},
        {"/dev/null", saved, SAVED_COUNT, VKN_IO, "there is something that is not a regular file"},
    };
    vkn_safetensors_error error;
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(vkn_safetensors_save("kept", saved, SAVED_COUNT, &error), VKN_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(vkn_safetensors_save(wrong[i].path, wrong[i].tensors, wrong[i].count, &error),
                         wrong[i].result);
        assert_non_null(strstr(error.text, wrong[i].message));
    }
    // A disk that is full after 100 bytes.
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, limit.rlim_max}), 0);
    const vkn_result result = vkn_safetensors_save("kept", saved, SAVED_COUNT, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(result, VKN_IO);
    assert_string_equal(error.text, "cannot write: File too large");
    vkn_safetensors file;
    assert_int_equal(vkn_safetensors_load("kept", &file, &error), VKN_OK);
    check_saved(&file);
    vkn_safetensors_free(&file);
    assert_int_equal(count_files("."), 2);
    assert_int_equal(count_files("folder"), 0);
    unlink("kept");
    rmdir("folder");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_every_truncation_and_mutation),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_load_errors),
        cmocka_unit_test(test_names_are_utf8),
        cmocka_unit_test(test_save_errors),
    };
    return cmocka_run_group_tests(tests, folder_enter, folder_leave);
}
