// SPDX-License-Identifier: MIT
// Whole files: what cannot be read or written is told, and of several writers' files one is there, whole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"
#include "folder.h"

enum { BYTES = 300000, ROUNDS = 60, WRITERS = 3, WHY_BYTES = 200 };

static char why[WHY_BYTES];

// BYTES times the letter.
static bool write_letters(FILE *stream, const void *user) {
    static char letters[BYTES];
    memset(letters, *(const char *)user, sizeof letters);
    return fwrite(letters, 1, sizeof letters, stream) == sizeof letters;
}

static vkn_result replace(const char *path, char letter) {
    *why = '\0';
    return vkn_file_replace(path, write_letters, &letter, why, sizeof why);
}

// The letter that a whole file holds.
static char read_letter(const char *path) {
    void *data;
    size_t bytes;
    if (vkn_file_read(path, BYTES, &data, &bytes, why, sizeof why) != VKN_OK) fail_msg("%s", why);
    assert_int_equal(bytes, BYTES);
    const char *letters = data, first = letters[0];
    for (size_t i = 0; i < BYTES; i++)
        if (letters[i] != first) fail_msg("byte %zu is '%c', the first is '%c'", i, letters[i], first);
    free(data);
    return first;
}

static void of_many_writers_one_wins(void **state) {
    (void)state;
    pid_t writers[WRITERS];
    assert_int_equal(replace("file", 'a'), VKN_OK);
    for (int w = 0; w < WRITERS; w++) {
        writers[w] = fork();
        assert_true(writers[w] >= 0);
        if (writers[w]) continue;
        int failures = 0;
        for (int i = 0; i < ROUNDS; i++)
            failures += replace("file", (char)('a' + w)) != VKN_OK;
        _exit(failures);
    }
    for (int i = 0; i < ROUNDS; i++) {
        const char letter = read_letter("file");
        assert_true(letter >= 'a' && letter < 'a' + WRITERS);
    }
    for (int w = 0; w < WRITERS; w++) {
        int status;
        assert_int_equal(waitpid(writers[w], &status, 0), writers[w]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    read_letter("file");
    assert_int_equal(unlink("file"), 0); // folder_leave sees that nothing is left beside it
}

static void expect_unread(const char *path, uint64_t most, vkn_result wanted, const char *words) {
    void *data = &why;
    size_t bytes;
    assert_int_equal(vkn_file_read(path, most, &data, &bytes, why, sizeof why), wanted);
    assert_null(data);
    assert_string_equal(why, words);
}

static void what_cannot_be_read_is_told(void **state) {
    (void)state;
    void *data;
    size_t bytes;
    assert_int_equal(mkfifo("pipe", 0666), 0);
    expect_unread("missing", 9, VKN_IO, "No such file or directory");
    expect_unread(".", 9, VKN_IO, "not a regular file");
    expect_unread("pipe", 9, VKN_IO, "not a regular file");
    expect_unread("/dev/zero", 9, VKN_IO, "not a regular file");
    assert_int_equal(replace("file", 'x'), VKN_OK);
    expect_unread("file", BYTES - 1, VKN_BAD_FILE, "the file has 300000 bytes, at most 299999 are read");
    assert_int_equal(truncate("file", 0), 0);
    assert_int_equal(vkn_file_read("file", 0, &data, &bytes, why, sizeof why), VKN_OK);
    assert_non_null(data);
    assert_int_equal(bytes, 0);
    free(data);
    unlink("file");
    unlink("pipe");
}

static void what_cannot_be_replaced_stays(void **state) {
    (void)state;
    assert_int_equal(mkfifo("pipe", 0666), 0);
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(replace("pipe", 'x'), VKN_IO);
    assert_string_equal(why, "there is something that is not a regular file");
    assert_int_equal(replace("folder", 'x'), VKN_IO);
    assert_string_equal(why, "there is something that is not a regular file");
    assert_int_equal(replace("missing/file", 'x'), VKN_IO);
    assert_memory_equal(why, "cannot create missing/file.", 27);
    assert_int_equal(unlink("pipe"), 0);
    assert_int_equal(rmdir("folder"), 0);
}

static void long_names_keep_their_end(void **state) {
    (void)state;
    char path[501];
    assert_string_equal(vkn_file_show("some/file").text, "some/file");
    memset(path, 'x', sizeof path - 1);
    path[500] = '\0';
    path[379] = '/';
    memcpy(path + 495, "/last", 6);
    const vkn_file_name name = vkn_file_show(path);
    assert_int_equal(strlen(name.text), 123);
    assert_memory_equal(name.text, "...xxx", 6);
    assert_string_equal(name.text + 118, "/last");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_many_writers_one_wins),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(what_cannot_be_replaced_stays),
        cmocka_unit_test(long_names_keep_their_end),
    };
    return cmocka_run_group_tests_name("file", tests, folder_enter, folder_leave);
}
