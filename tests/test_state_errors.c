// SPDX-License-Identifier: MIT
// The state of layers in files: whatever is wrong with a file, the arguments, the disk or the device changes nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "interpose.h"
#include "rig.h"
#include "state_file.h"

static vkn_layer *make(vkn_layer_info info) {
    vkn_layer *layer = NULL;
    MUST(vkn_layer_create(fixture.context, &info, &layer));
    return layer;
}

// ---- What is wrong changes nothing -------------------------------------------------------------------------------
// A good file of bn1 = BatchNorm(3) and ln = LayerNorm(2).
static const struct file_tensor good[] = {
    {"bn1.num_batches_tracked", "I64", "[]", 8},
    {"bn1.bias", "F32", "[3]", 12},
    {"bn1.running_mean", "F32", "[3]", 12},
    {"bn1.running_var", "F32", "[3]", 12},
    {"bn1.weight", "F32", "[3]", 12},
    {"ln.bias", "F32", "[2]", 8},
    {"ln.weight", "F32", "[2]", 8},
};
enum { GOOD = sizeof good / sizeof *good, NONE = GOOD };

// The good file with tensor `at` replaced by another, or removed where that has no name; NONE: with one more. All data
// bytes are `fill`. `lax`: the message, if it is refused without strict too.
static const struct wrong {
    unsigned at;
    struct file_tensor by;
    int fill;
    bool lax;
    const char *message;
} wrong[] = {
    {4, {NULL, NULL, NULL, 0}, 0, true, "bad: Missing key(s) in state_dict: \"bn1.weight\""},
    {0, {NULL, NULL, NULL, 0}, 0, true, "bad: Missing key(s) in state_dict: \"bn1.num_batches_tracked\""},
    {4, {"bn1.gamma", "F32", "[3]", 12}, 0, true, "bad: Missing key(s) in state_dict: \"bn1.weight\""},
    {NONE, {"bn1.extra", "F32", "[3]", 12}, 0, true, "bad: Unexpected key(s) in state_dict: \"bn1.extra\""},
    {NONE, {"ln.running_mean", "F32", "[2]", 8}, 0, true, "bad: Unexpected key(s) in state_dict: \"ln.running_mean\""},
    {NONE, {"bn1.0.weight", "F32", "[2]", 8}, 0, false, "bad: Unexpected key(s) in state_dict: \"bn1.0.weight\""},
    {NONE, {"conv.weight", "F16", "[2,3]", 12}, 0, false, "bad: Unexpected key(s) in state_dict: \"conv.weight\""},
    {NONE, {"weight", "F32", "[2]", 8}, 0, false, "bad: Unexpected key(s) in state_dict: \"weight\""},
    {4,
     {"bn1.weight", "F32", "[4]", 16},
     0,
     true,
     "bad: size mismatch for bn1.weight: copying a param with shape [4] from checkpoint, the shape in current model is "
     "[3]."},
    {4,
     {"bn1.weight", "F32", "[1,3]", 12},
     0,
     true,
     "with shape [1, 3] from checkpoint, the shape in current model is [3]."},
    {4, {"bn1.weight", "F32", "[]", 4}, 0, true, "with shape [] from checkpoint, the shape in current model is [3]."},
    {4, {"bn1.weight", "F32", "[0]", 0}, 0, true, "with shape [0] from checkpoint, the shape in current model is [3]."},
    {0,
     {"bn1.num_batches_tracked", "I64", "[1]", 8},
     0,
     true,
     "with shape [1] from checkpoint, the shape in current model is []."},
    {6,
     {"ln.weight", "F32", "[2,1]", 8},
     0,
     true,
     "size mismatch for ln.weight: copying a param with shape [2, 1] from"},
    {0,
     {"bn1.num_batches_tracked", "F32", "[]", 4},
     0,
     true,
     "bad: dtype mismatch for bn1.num_batches_tracked: F32 in the file, must be I64"},
    {0, {"bn1.num_batches_tracked", "I32", "[]", 4}, 0, true, "num_batches_tracked: I32 in the file, must be I64"},
    {6, {"ln.weight", "F16", "[2]", 4}, 0, true, "bad: dtype mismatch for ln.weight: F16 in the file, must be F32"},
    {3, {"bn1.running_var", "F64", "[3]", 24}, 0, true, "running_var: F64 in the file, must be F32"},
    {NONE, {NULL, NULL, NULL, 0}, 0xff, true, "bad: bn1.num_batches_tracked: -1, must be at least 0"},
    {NONE, {"ln.weight", "F32", "[2]", 8}, 0, true, "duplicate object key"},
    {6,
     {"ln.weight", "F32", "[2]", 9},
     0,
     true,
     "tensor ln.weight: data_offsets span 9 bytes, but dtype and shape need 8"},
    {6, {"ln.weight", "F31", "[2]", 8}, 0, true, "tensor ln.weight: dtype must be one of the format's"},
};

// Two layers, and what they hold.
struct pair {
    vkn_layer *layers[2];
    vkn_state_entry entries[2];
    struct held before[2];
};

static struct pair pair_make(void) {
    struct pair p = {.layers = {make(vkn_layer_defaults(VKN_BATCH, 3)), make(vkn_layer_defaults(VKN_LAYER, 2))}};
    static const char *const prefixes[] = {"bn1.", "ln."};
    for (uint32_t i = 0; i < 2; i++) {
        p.entries[i] = (vkn_state_entry){.prefix = prefixes[i], .layer = p.layers[i]};
        layer_fill(p.layers[i], 50 + i);
        layer_hold(p.layers[i], &p.before[i]);
    }
    return p;
}

static void pair_expect_unchanged(const struct pair *p) {
    for (int i = 0; i < 2; i++) {
        struct held now;
        layer_hold(p->layers[i], &now);
        assert_memory_equal(&now, &p->before[i], sizeof now);
    }
}

static void pair_restore(const struct pair *p) {
    for (int i = 0; i < 2; i++)
        layer_restore(p->layers[i], &p->before[i]);
}

static void pair_destroy(struct pair *p) {
    vkn_layer_destroy(p->layers[0]);
    vkn_layer_destroy(p->layers[1]);
}

static size_t write_wrong(const struct wrong *w) {
    struct file_tensor tensors[GOOD + 1];
    size_t count = 0;
    for (size_t i = 0; i < GOOD + 1; i++) {
        const struct file_tensor *t = w && w->at == i ? &w->by : i < GOOD ? &good[i] : NULL;
        if (t && t->name) tensors[count++] = *t;
    }
    return file_write_tensors("bad", tensors, count, w ? w->fill : 0);
}

static void wrong_files_change_nothing(void **state) {
    (void)state;
    struct pair p = pair_make();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_wrong(&wrong[i]);
        MUST_FAIL(vkn_state_load("bad", p.entries, 2, true), VKN_BAD_FILE, wrong[i].message);
        pair_expect_unchanged(&p);
        if (!wrong[i].lax) continue;
        MUST_FAIL(vkn_state_load("bad", p.entries, 2, false), VKN_BAD_FILE, wrong[i].message);
        pair_expect_unchanged(&p);
    }
    size_t size = write_wrong(NULL);
    while (size-- > 0) {
        assert_int_equal(truncate("bad", (off_t)size), 0);
        MUST_FAIL(vkn_state_load("bad", p.entries, 2, false), VKN_BAD_FILE, "bad: ");
    }
    unlink("bad");
    MUST_FAIL(vkn_state_load("bad", p.entries, 2, true), VKN_IO, "bad: No such file");
    MUST_FAIL(vkn_state_load(".", p.entries, 2, true), VKN_IO, ".: not a regular file");
    pair_expect_unchanged(&p);
    pair_destroy(&p);
}

// The rest of a network may stand in the file, unless it is strict.
static void what_belongs_to_others_is_skipped(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (wrong[i].lax) continue;
        struct pair p = pair_make();
        struct held now;
        write_wrong(&wrong[i]);
        MUST(vkn_state_load("bad", p.entries, 2, false));
        layer_hold(p.layers[1], &now);
        assert_memory_equal(now.bytes[VKN_WEIGHT], ((float[2]){0, 0}), 8);
        pair_destroy(&p);
    }
    unlink("bad");
}

// Many and long names: the message keeps the end of the path and the number of names it leaves out.
static void long_messages_are_cut(void **state) {
    (void)state;
    vkn_layer *layer = make(vkn_layer_defaults(VKN_BATCH, 3));
    char prefix[301], path[3000];
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[300] = '\0';
    for (size_t i = 0; i < sizeof path - 1; i++)
        path[i] = i % 2 ? '/' : '.';
    memcpy(path + sizeof path - 6, "empty", 6);
    file_write_tensors("empty", NULL, 0, 0);
    MUST_FAIL(vkn_state_load(path, &(vkn_state_entry){.prefix = prefix, .layer = layer}, 1, true), VKN_BAD_FILE,
              "./empty: Missing key(s) in state_dict: \"ppp");
    assert_non_null(strstr(vkn_error_message(), "ppp\" and 4 more"));
    unlink("empty");
    vkn_layer_destroy(layer);
}

static void wrong_arguments_are_named(void **state) {
    (void)state;
    struct pair p = pair_make();
    const uint32_t two[] = {2}, three[] = {3}, many[] = {65536, 65536};
    vkn_layer_info info = vkn_layer_defaults(VKN_RMS, 1);
    info.norm.normalized_rank = 2;
    vkn_layer *rms = make(info);
    vkn_layer *bn = p.layers[0], *ln = p.layers[1];
    const struct {
        vkn_state_entry entries[2];
        const char *message;
    } bad[] = {
        {{{"a.", bn, NULL}, {"b.", NULL, NULL}}, "entries[1].layer: NULL"},
        {{{"a.", bn, NULL}, {"b.", bn, NULL}}, "entries[1].layer: is that of entries[0]"},
        {{{"a.", bn, NULL}, {"a.", ln, NULL}}, "entries[1].prefix: \"a.\" is that of entries[0]"},
        {{{NULL, bn, NULL}, {"", ln, NULL}}, "entries[1].prefix: \"\" is that of entries[0]"},
        {{{"a.", bn, three}, {"b.", ln, NULL}}, "entries[0].normalized_shape: only layer and rms norm have one"},
        {{{"a.", bn, NULL}, {"b.", ln, three}}, "entries[1].normalized_shape: its product is 3, features are 2"},
        {{{"a.", rms, many}, {"b.", ln, two}},
         "entries[0].normalized_shape: its product is 4294967296, features are 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        MUST_FAIL(vkn_state_save("none", bad[i].entries, 2), VKN_BAD_ARGUMENT, bad[i].message);
        MUST_FAIL(vkn_state_load("none", bad[i].entries, 2, true), VKN_BAD_ARGUMENT, bad[i].message);
    }
    MUST_FAIL(vkn_state_save(NULL, p.entries, 2), VKN_BAD_ARGUMENT, "path: NULL");
    MUST_FAIL(vkn_state_load(NULL, p.entries, 2, true), VKN_BAD_ARGUMENT, "path: NULL");
    MUST_FAIL(vkn_state_save("none", NULL, 2), VKN_BAD_ARGUMENT, "entries: NULL, count is 2");
    MUST_FAIL(vkn_state_load("none", NULL, 2, true), VKN_BAD_ARGUMENT, "entries: NULL, count is 2");
    MUST_FAIL(vkn_state_save("none", &(vkn_state_entry){"\xff.", bn, NULL}, 1), VKN_BAD_ARGUMENT, "not UTF-8");
    assert_int_equal(access("none", F_OK), -1);
    pair_expect_unchanged(&p);
    pair_destroy(&p);
    vkn_layer_destroy(rms);
}

static void a_failed_save_leaves_the_old_file(void **state) {
    (void)state;
    struct pair p = pair_make();
    assert_int_equal(mkdir("folder", 0777), 0);
    MUST(vkn_state_save("kept", p.entries, 2));
    MUST(vkn_state_save("copy", p.entries, 2));
    layer_fill(p.layers[0], 9);
    MUST_FAIL(vkn_state_save("missing/out", p.entries, 2), VKN_IO, "missing/out: cannot create missing/out.");
    MUST_FAIL(vkn_state_save("folder", p.entries, 2), VKN_IO, "folder: there is something that is not a regular file");
    MUST_FAIL(vkn_state_save("/dev/full", p.entries, 2), VKN_IO, "/dev/full: there is something that is not");
    MUST_FAIL(vkn_state_save("kept", (vkn_state_entry[]){{"\xff", p.layers[0], NULL}}, 1), VKN_BAD_ARGUMENT, "kept: ");
    // A disk that is full after so many bytes: within the header, and within the data.
    struct stat status;
    assert_int_equal(stat("kept", &status), 0);
    const rlim_t sizes[] = {100, (rlim_t)status.st_size - 1};
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){sizes[i], limit.rlim_max}), 0);
        const vkn_result result = vkn_state_save("kept", p.entries, 2);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(result, VKN_IO);
        assert_string_equal(vkn_error_message(), "kept: cannot write: File too large");
    }
    file_expect_same("kept", "copy");
    assert_int_equal(rmdir("folder"), 0);
    unlink("kept");
    unlink("copy"); // folder_leave sees that nothing else is there
    pair_destroy(&p);
}

// ---- A device that fails in the middle ---------------------------------------------------------------------------
// The layers live on a device that is lent through the interposer, where every copy goes through memory of its own.
static vkn_context *lender;

static vkn_context *open_interposed(void) {
    vkn_context_info info;
    vkn_context *context = NULL;
    MUST(vkn_context_create(NULL, &lender));
    vkn_context_get_info(lender, &info);
    interpose = (struct interpose){.next = info.get_instance_proc_addr};
    info.get_instance_proc_addr = interpose_get_instance_proc_addr;
    info.disable = VKN_FEATURE_HOST_VISIBLE;
    MUST(vkn_context_create(&info, &context));
    return context;
}

// Loads with the n-th Vulkan object from now on failing; false where it had not come to that.
static bool load_with_failure(const struct pair *p, uint64_t n, VkResult failure, vkn_result *result) {
    interpose.made = 0;
    interpose.fail_at = n;
    interpose.fail_with = failure;
    *result = vkn_state_load("bad", p->entries, 2, true);
    interpose.fail_at = 0;
    return interpose.made >= n;
}

static void a_failing_device_changes_nothing(void **state) {
    (void)state;
    vkn_context *own = fixture.context;
    fixture.context = open_interposed();
    struct pair p = pair_make();
    vkn_result result;
    unsigned failures = 0;
    write_wrong(NULL);
    for (uint64_t n = 1; load_with_failure(&p, n, VK_ERROR_OUT_OF_DEVICE_MEMORY, &result); n++) {
        if (result == VKN_OK) { // another kind of memory has helped out
            pair_restore(&p);
            continue;
        }
        assert_int_equal(result, VKN_OUT_OF_MEMORY);
        assert_null(strstr(vkn_error_message(), "could not be put back"));
        pair_expect_unchanged(&p);
        failures++;
    }
    assert_int_equal(result, VKN_OK);
    assert_true(failures > 2 * GOOD); // in fetching and in loading each tensor
    pair_destroy(&p);
    vkn_context_destroy(fixture.context);
    vkn_context_destroy(lender);
    fixture.context = own;
    unlink("bad");
}

// Lost while the file's last tensor goes to the device: nothing can be put back, and that is said.
static void a_lost_device_is_told(void **state) {
    (void)state;
    vkn_context *own = fixture.context;
    fixture.context = open_interposed();
    struct pair p = pair_make();
    vkn_result result;
    write_wrong(NULL);
    load_with_failure(&p, 0, VK_SUCCESS, &result);
    assert_int_equal(result, VKN_OK);
    assert_true(load_with_failure(&p, interpose.made, VK_ERROR_DEVICE_LOST, &result));
    assert_int_equal(result, VKN_DEVICE_LOST);
    assert_non_null(strstr(vkn_error_message(), "; what the layers had could not be put back: load them again"));
    pair_destroy(&p);
    vkn_context_destroy(fixture.context);
    vkn_context_destroy(lender);
    fixture.context = own;
    unlink("bad");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_files_change_nothing),
        cmocka_unit_test(what_belongs_to_others_is_skipped),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(wrong_arguments_are_named),
        cmocka_unit_test(a_failed_save_leaves_the_old_file),
        cmocka_unit_test(a_failing_device_changes_nothing),
        cmocka_unit_test(a_lost_device_is_told),
    };
    return cmocka_run_group_tests_name("state_errors", tests, state_setup, state_teardown);
}
