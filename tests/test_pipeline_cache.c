// SPDX-License-Identifier: MIT
// The pipeline cache's file on a device: the second start takes what the first left; what is wrong with a file, the
// disk or the device costs pipelines to be built again, and nothing else. Links the library's objects with malloc
// wrapped. `test_pipeline_cache work PATH` is one process of several that share a file.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache_file.h"
#include "cache_start.h"
#include "folder.h"
#include "interpose.h"
#include "rig.h"

extern char **environ;

enum { HEADERS = VKN_CACHE_HEADER_BYTES + 32 };
static char cache[] = "cache";
static const char loaded[] = "cache: %d bytes of pipelines", not_taken[] = "cache: no pipelines are taken from it: ";

void *__real_malloc(size_t);
void *__wrap_malloc(size_t);
static uint64_t taken, fail_at; // calls of malloc so far; the one that fails, 0: none

void *__wrap_malloc(size_t bytes) {
    return ++taken == fail_at ? NULL : __real_malloc(bytes);
}

// ---- The file ----------------------------------------------------------------------------------------------------
static unsigned char whole[1 << 20]; // what the first start leaves
static size_t whole_bytes;

static void write_file(const void *data, size_t bytes) {
    FILE *stream = fopen(cache, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(data, 1, bytes, stream), bytes);
    assert_int_equal(fclose(stream), 0);
}

static ino_t inode(void) {
    struct stat status;
    assert_int_equal(stat(cache, &status), 0);
    return status.st_ino;
}

static void expect_loaded(const struct start_log *heard) {
    char line[64];
    struct stat status;
    assert_int_equal(stat(cache, &status), 0);
    (void)snprintf(line, sizeof line, loaded, (int)status.st_size - VKN_CACHE_HEADER_BYTES);
    assert_non_null(strstr(heard->text, line));
    assert_int_equal(heard->warnings, 0);
}

// The file is whole: a context takes it.
static void expect_whole(void) {
    struct start_log heard;
    vkn_context *context = start_open(cache, &heard);
    vkn_context_destroy(context);
    expect_loaded(&heard);
}

static void the_second_start_takes_what_the_first_left(void **state) {
    (void)state;
    struct start_log heard;
    vkn_context *context = start_open(cache, &heard);
    assert_string_equal(heard.text, "cache: no pipelines are taken from it: No such file or directory\n");
    assert_int_equal(heard.warnings, 0);
    MUST(vkn_context_save_pipelines(context)); // nothing was built
    assert_int_equal(access(cache, F_OK), -1);
    start_work(context);
    vkn_context_destroy(context);
    expect_whole();
    const ino_t first = inode();
    context = start_open(cache, &heard);
    expect_loaded(&heard);
    MUST(vkn_context_save_pipelines(context));
    vkn_context_destroy(context); // nothing was built again
    assert_int_equal(inode(), first);
    context = start_open(cache, &heard);
    start_work(context);
    MUST(vkn_context_save_pipelines(context));
    expect_whole();
    vkn_context_destroy(context);
    assert_int_equal(heard.warnings, 0);

    FILE *stream = fopen(cache, "rb");
    assert_non_null(stream);
    whole_bytes = fread(whole, 1, sizeof whole, stream);
    assert_true(whole_bytes >= HEADERS && whole_bytes < sizeof whole);
    assert_int_equal(fclose(stream), 0);
}

static void expect_refused(const void *data, size_t bytes, bool works) {
    struct start_log heard;
    write_file(data, bytes);
    vkn_context *context = start_open(cache, &heard);
    if (strncmp(heard.text, not_taken, strlen(not_taken)) != 0) fail_msg("not refused: %s", heard.text);
    assert_int_equal(heard.warnings, 1);
    if (works) start_work(context);
    vkn_context_destroy(context);
    assert_int_equal(heard.warnings, 1);
    if (works) expect_whole();
}

static void damage_is_refused_and_replaced(void **state) {
    (void)state;
    unsigned char file[sizeof whole];
    for (size_t i = 0; i < HEADERS; i++) {
        memcpy(file, whole, whole_bytes);
        file[i] ^= (unsigned char)(1 << (i % 8));
        expect_refused(file, whole_bytes, i % 30 == 0);
        expect_refused(whole, i, i % 50 == 0);
    }
    memcpy(file, whole, whole_bytes);
    for (size_t i = HEADERS; i < whole_bytes; i += whole_bytes / 16) {
        file[i] ^= 0x40;
        expect_refused(file, whole_bytes, false);
        file[i] ^= 0x40;
    }
    file[whole_bytes] = 0;
    expect_refused(file, whole_bytes + 1, true);
    expect_refused("[Application]\n", 14, true);
    write_file(whole, whole_bytes);
    expect_whole();
}

// Data that a driver does not take, where it says so.
static void data_that_the_driver_refuses_are_left_out(void **state) {
    (void)state;
    struct start_log heard;
    vkn_context_info info = start_borrow(cache, &heard);
    vkn_context *context = NULL;
    write_file(whole, whole_bytes);
    interpose.fail_with = VK_ERROR_OUT_OF_HOST_MEMORY;
    interpose.fail_at = 1; // the first object that is made is the cache
    MUST(vkn_context_create(&info, &context));
    assert_string_equal(interpose.failed, "vkCreatePipelineCache");
    assert_string_equal(heard.text, "cache: no pipelines are taken from it: vkCreatePipelineCache: "
                                    "VK_ERROR_OUT_OF_HOST_MEMORY\n");
    interpose.fail_at = 0;
    start_work(context);
    vkn_context_destroy(context);
    expect_whole();
}

// ---- The path ----------------------------------------------------------------------------------------------------
static void places_that_hold_no_file_are_told(void **state) {
    (void)state;
    static const struct {
        const char *path, *read, *write;
    } places[] = {
        {"folder", "not a regular file", "folder: there is something that is not a regular file"},
        {"pipe", "not a regular file", "pipe: there is something that is not a regular file"},
        {"/dev/full", "not a regular file", "/dev/full: there is something that is not a regular file"},
        {"missing/cache", "No such file or directory", "missing/cache: cannot create missing/cache."},
        {"file/cache", "Not a directory", "file/cache: cannot create file/cache."},
    };
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(mkfifo("pipe", 0666), 0);
    assert_int_equal(close(creat("file", 0666)), 0);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct start_log heard;
        char words[128];
        vkn_context *context = start_open(places[i].path, &heard);
        (void)snprintf(words, sizeof words, "%s: no pipelines are taken from it: %s\n", places[i].path, places[i].read);
        assert_string_equal(heard.text, words);
        start_work(context);
        MUST_FAIL(vkn_context_save_pipelines(context), VKN_IO, places[i].write);
        vkn_context_destroy(context);
        (void)snprintf(words, sizeof words, "%s: pipelines are not kept: %s", places[i].path,
                       places[i].write + strlen(places[i].path) + 2);
        assert_non_null(strstr(heard.text, words));
        assert_int_equal(heard.warnings, 1);
    }
    assert_int_equal(rmdir("folder"), 0);
    assert_int_equal(unlink("pipe"), 0);
    assert_int_equal(unlink("file"), 0);
}

static void a_huge_file_is_not_read(void **state) {
    (void)state;
    struct start_log heard;
    write_file(whole, whole_bytes);
    assert_int_equal(truncate(cache, (off_t)VKN_CACHE_MOST_BYTES + 1), 0); // it takes no room
    vkn_context *context = start_open(cache, &heard);
    assert_non_null(strstr(heard.text, "the file has 268435457 bytes, at most 268435456 are read"));
    start_work(context);
    vkn_context_destroy(context);
    expect_whole();
}

// A disk that is full: the old file stays, and the next call writes what this one could not.
static void a_failed_save_leaves_the_old_file(void **state) {
    (void)state;
    struct start_log heard;
    struct rlimit limit;
    write_file("old", 3);
    vkn_context *context = start_open(cache, &heard);
    start_work(context);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){HEADERS - 1, limit.rlim_max}), 0);
    const vkn_result result = vkn_context_save_pipelines(context);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(result, VKN_IO);
    assert_string_equal(vkn_error_message(), "cache: cannot write: File too large");
    struct stat status;
    assert_int_equal(stat(cache, &status), 0);
    assert_int_equal(status.st_size, 3);
    MUST(vkn_context_save_pipelines(context));
    expect_whole();
    vkn_context_destroy(context);
}

static void the_path_comes_from_the_caller_or_the_environment(void **state) {
    (void)state;
    struct start_log heard;
    MUST_FAIL(vkn_context_save_pipelines(NULL), VKN_BAD_ARGUMENT, "context: NULL");
    vkn_context *context = start_open(NULL, &heard);
    MUST_FAIL(vkn_context_save_pipelines(context), VKN_BAD_ARGUMENT,
              "cache_path: this context was created without one");
    vkn_context_destroy(context);
    assert_string_equal(heard.text, "");
    write_file(whole, whole_bytes);
    assert_int_equal(setenv("VKNORM_CACHE", cache, 1), 0);
    vkn_context_destroy(start_open(NULL, &heard));
    expect_loaded(&heard);
    vkn_context_destroy(start_open("", &heard)); // what the caller says comes first
    assert_string_equal(heard.text, "");
    vkn_context_destroy(start_open("other", &heard));
    assert_string_equal(heard.text, "other: no pipelines are taken from it: No such file or directory\n");
    assert_int_equal(unsetenv("VKNORM_CACHE"), 0);
    assert_int_equal(access("other", F_OK), -1);
}

// ---- Others ------------------------------------------------------------------------------------------------------
static char *program;

static void processes_share_a_file(void **state) {
    (void)state;
    enum { PROCESSES = 3 };
    pid_t all[PROCESSES];
    assert_int_equal(unlink(cache), 0);
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(posix_spawn(&all[i], program, NULL, NULL, (char *[]){program, "work", cache, NULL}, environ),
                         0);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(all[i], &status, 0), all[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    expect_whole();
}

// Nothing is asked of a lost device, nor written.
static void a_lost_device_writes_nothing(void **state) {
    (void)state;
    struct start_log heard;
    float y[START_VALUES];
    assert_int_equal(unlink(cache), 0);
    vkn_context *context = start_open(cache, &heard);
    start_work(context);
    interpose.submitted = VK_ERROR_DEVICE_LOST;
    assert_int_equal(start_run(context, y), VKN_DEVICE_LOST);
    interpose.submitted = VK_SUCCESS;
    MUST_FAIL(vkn_context_save_pipelines(context), VKN_DEVICE_LOST, "lost");
    vkn_context_destroy(context);
    assert_int_equal(access(cache, F_OK), -1);
}

// Whichever request for memory fails: the call fails or does without, and what is there is whole.
static void host_memory_runs_out_anywhere(void **state) {
    (void)state;
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        struct start_log heard;
        vkn_context_info info = start_borrow(cache, &heard);
        vkn_context *context = NULL;
        write_file(whole, whole_bytes - n % 2); // one that is taken, and one that is not
        taken = 0;
        fail_at = n;
        vkn_result result = vkn_context_create(&info, &context);
        fail_at = 0;
        if (result == VKN_OK) start_work(context);
        const uint64_t before = taken;
        fail_at = result == VKN_OK && before < n ? n : 0; // what is left to fail is the driver's own, and saving
        vkn_result saved = result == VKN_OK ? vkn_context_save_pipelines(context) : VKN_OK;
        done = result == VKN_OK && taken < n;
        fail_at = 0;
        if (result != VKN_OK) assert_int_equal(result, VKN_OUT_OF_MEMORY);
        if (saved != VKN_OK) assert_int_equal(saved, VKN_OUT_OF_MEMORY);
        vkn_context_destroy(context);
        if (result == VKN_OK) expect_whole();
        assert_true(n < 1000);
    }
}

// ------------------------------------------------------------------------------------------------------------------
static int setup(void **state) {
    if (unsetenv("VKNORM_CACHE") || start_lend()) return -1;
    return folder_enter(state);
}

static int teardown(void **state) {
    start_end();
    unlink(cache);
    return folder_leave(state); // nothing else is left there
}

static int work_alone(const char *path) {
    float y[START_VALUES];
    vkn_context *context = NULL;
    vkn_result result = vkn_context_create(&(vkn_context_info){.cache_path = path}, &context);
    for (int i = 0; i < 20 && !result; i++) {
        result = start_run(context, y);
        if (!result) result = vkn_context_save_pipelines(context);
    }
    vkn_context_destroy(context);
    if (result) print_error("%s\n", vkn_error_message());
    return result ? 1 : 0;
}

int main(int argc, char **argv) {
    program = argv[0];
    if (argc == 3 && !strcmp(argv[1], "work")) return work_alone(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_start_takes_what_the_first_left),
        cmocka_unit_test(damage_is_refused_and_replaced),
        cmocka_unit_test(data_that_the_driver_refuses_are_left_out),
        cmocka_unit_test(places_that_hold_no_file_are_told),
        cmocka_unit_test(a_huge_file_is_not_read),
        cmocka_unit_test(a_failed_save_leaves_the_old_file),
        cmocka_unit_test(the_path_comes_from_the_caller_or_the_environment),
        cmocka_unit_test(processes_share_a_file),
        cmocka_unit_test(a_lost_device_writes_nothing),
        cmocka_unit_test(host_memory_runs_out_anywhere),
    };
    return cmocka_run_group_tests_name("pipeline_cache", tests, setup, teardown);
}
