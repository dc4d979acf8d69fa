// SPDX-License-Identifier: MIT
// Memory that runs out while layers are saved or loaded, in the library or in jansson. Links the library's objects with
// malloc and calloc wrapped; jansson's memory comes from an allocator of the application, which it may well have.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "rig.h"
#include "state_file.h"

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);

static uint64_t taken, fail_at; // calls so far; the one that fails, 0: none
static bool json_failed;        // that one was jansson's

static bool runs_out(void) {
    return ++taken == fail_at;
}

void *__wrap_malloc(size_t bytes) {
    return runs_out() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes) {
    return runs_out() ? NULL : __real_calloc(count, bytes);
}

// Blocks that the C library's free would not know.
enum { AHEAD = 64 };

static void *json_allocate(size_t bytes) {
    if (runs_out()) {
        json_failed = true;
        return NULL;
    }
    char *block = __real_malloc(bytes + AHEAD);
    return block ? block + AHEAD : NULL;
}

static void json_release(void *memory) {
    if (memory) free((char *)memory - AHEAD);
}

static int setup(void **state) {
    json_set_alloc_funcs(json_allocate, json_release);
    return state_setup(state);
}

static vkn_layer *make(void) {
    vkn_layer *layer = NULL;
    vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, 3);
    MUST(vkn_layer_create(fixture.context, &info, &layer));
    return layer;
}

// Calls with the n-th request for memory failing; false where it had not come to that.
static bool save_with_failure(const vkn_state_entry *entry, uint64_t n, vkn_result *result) {
    taken = 0;
    fail_at = n;
    *result = vkn_state_save("kept", entry, 1);
    fail_at = 0;
    return taken >= n;
}

static bool load_with_failure(const vkn_state_entry *entry, uint64_t n, vkn_result *result) {
    json_failed = false;
    taken = 0;
    fail_at = n;
    *result = vkn_state_load("new", entry, 1, true);
    fail_at = 0;
    return taken >= n;
}

static void saving_leaves_the_old_file(void **state) {
    (void)state;
    vkn_layer *layer = make();
    vkn_state_entry entry = {.prefix = "bn.", .layer = layer};
    vkn_result result;
    layer_fill(layer, 1);
    MUST(vkn_state_save("kept", &entry, 1));
    MUST(vkn_state_save("old", &entry, 1));
    layer_fill(layer, 2);
    MUST(vkn_state_save("new", &entry, 1));
    uint64_t n = 1;
    for (; save_with_failure(&entry, n, &result); n++) {
        if (result != VKN_OK && result != VKN_OUT_OF_MEMORY) fail_msg("request %d: %s", (int)n, vkn_error_message());
        file_expect_same("kept", result == VKN_OK ? "new" : "old"); // VKN_OK: jansson could do without
        MUST(vkn_state_load("old", &entry, 1, true));
        MUST(vkn_state_save("kept", &entry, 1));
        MUST(vkn_state_load("new", &entry, 1, true));
    }
    assert_int_equal(result, VKN_OK);
    assert_true(n > 10);
    file_expect_same("kept", "new");
    vkn_layer_destroy(layer);
    unlink("kept");
    unlink("old");
    unlink("new");
}

static void loading_leaves_the_layer(void **state) {
    (void)state;
    vkn_layer *layer = make();
    vkn_state_entry entry = {.prefix = "bn.", .layer = layer};
    struct held before, after;
    vkn_result result;
    layer_fill(layer, 1);
    MUST(vkn_state_save("new", &entry, 1));
    layer_fill(layer, 2);
    layer_hold(layer, &before);
    uint64_t n = 1;
    for (; load_with_failure(&entry, n, &result); n++) {
        // Where jansson's lexer runs out it drops a character, or calls the text wrong: a bad file, for all we know.
        bool told = result == VKN_OUT_OF_MEMORY || (json_failed && result == VKN_BAD_FILE);
        if (!told) fail_msg("request %d: %s", (int)n, vkn_error_message());
        layer_hold(layer, &after);
        assert_memory_equal(&after, &before, sizeof after);
    }
    assert_int_equal(result, VKN_OK);
    assert_true(n > 10);
    vkn_layer_destroy(layer);
    unlink("new");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saving_leaves_the_old_file),
        cmocka_unit_test(loading_leaves_the_layer),
    };
    return cmocka_run_group_tests_name("state_memory", tests, setup, state_teardown);
}
