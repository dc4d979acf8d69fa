// SPDX-License-Identifier: MIT
// The numbers that plans are made with: by kind of device, and as text.
#include "plan_case.h" // first: it brings volk

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static vkn_limits limits_by(int device, const char *text) {
    vkn_limits limits = vkn_limits_make(&devices[device].info);
    MUST(vkn_limits_set(&limits, &devices[device].info, "limits", text));
    return limits;
}

static void assert_same(const vkn_limits *a, const vkn_limits *b) {
    char texts[2][sizeof devices->info.limits];
    vkn_limits_write(a, texts[0], sizeof texts[0]);
    vkn_limits_write(b, texts[1], sizeof texts[1]);
    assert_string_equal(texts[0], texts[1]);
    assert_true(a->cpu == b->cpu && a->gpu == b->gpu && a->subgroup == b->subgroup);
}

static void texts_set_numbers(void **state) {
    (void)state;
    vkn_limits own = vkn_limits_make(&devices[DEVICE_CPU].info), set = limits_by(DEVICE_CPU, NULL);
    assert_same(&set, &own);
    set = limits_by(DEVICE_CPU, "");
    assert_same(&set, &own);
    set = limits_by(DEVICE_CPU, "block=4,rows=3,block=16");
    assert_int_equal(set.block, 16);
    assert_int_equal(set.rows, 3);
    set.block = own.block;
    set.rows = own.rows;
    assert_same(&set, &own);
}

static void kinds_bring_their_numbers(void **state) {
    (void)state;
    vkn_limits gpu = limits_by(DEVICE_CPU, "gpu"), cpu = limits_by(DEVICE_GPU, "cpu,rows=2");
    assert_true(gpu.gpu && !gpu.cpu && cpu.cpu && !cpu.gpu);
    assert_int_equal(gpu.lanes, 256);
    assert_int_equal(gpu.block, limits_by(DEVICE_GPU, NULL).block);
    assert_int_equal(gpu.subgroup, devices[DEVICE_CPU].info.subgroup_size);
    assert_int_equal(cpu.lanes, devices[DEVICE_GPU].info.subgroup_size);
    assert_int_equal(cpu.rows, 2);
}

static void a_team_brings_its_lanes(void **state) {
    (void)state;
    vkn_limits set = limits_by(DEVICE_CPU, "team=4,stream_lanes=2");
    assert_int_equal(set.lanes, 4);
    assert_int_equal(set.subgroup, 4);
    assert_int_equal(set.stream_lanes, 2);
    assert_true(set.cpu && set.gpu);
    set = limits_by(DEVICE_GPU, "widest=64");
    assert_int_equal(set.lanes, 64);
    assert_int_equal(set.workgroup, 64);
}

static void what_is_written_can_be_read(void **state) {
    (void)state;
    static const char *const texts[] = {"", "gpu", "cpu", "team=16", "gpu,widest=64,block=1,slab=1073741824,across=0"};
    for (int device = 0; device < DEVICES; device++) {
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            char text[sizeof devices->info.limits];
            const vkn_limits set = limits_by(device, texts[i]);
            vkn_limits_write(&set, text, sizeof text);
            assert_true(strlen(text) < sizeof text - 1);
            const vkn_limits read = limits_by(device, text);
            assert_same(&read, &set);
        }
    }
}

static void wrong_texts_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"blok=3", "limits: \"blok=3\" is none of widest, "},
        {"rows=2,block", "\"block\" is none of"},
        {"block,rows=2", "\"block\" is none of"},
        {"rows=2,cpu", "\"cpu\" is none of"},
        {"gpu,,rows=2", "\"\" is none of"},
        {"block=", "block=, must be 1 to 128"},
        {"block=-1", "block=-1, must be 1 to 128"},
        {"block= 4", "block= 4, must be"},
        {"block=8x", "block=8x, must be"},
        {"block=12", "block=12, must be 1 to 128 and a power of two"},
        {"rows=0", "rows=0, must be 1 to 128 ("},
        {"slab=99999999999999999999", "slab=99999999999999999999, must be"},
        {"widest=512", "widest=512, the device has room for 256"},
        {"widest=64,workgroup=128", "workgroup=128, widest is 64"},
        {"widest=64,team=128", "lanes=128, widest is 64"},
    };
    vkn_limits limits = vkn_limits_make(&devices[DEVICE_LEAST].info), own = limits;
    vkn_device_info info = devices[DEVICE_LEAST].info;
    info.max_workgroup_invocations = 1024; // its shared memory is enough for 256
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        MUST_FAIL(vkn_limits_set(&limits, &info, "limits", wrong[i][0]), VKN_BAD_ARGUMENT, wrong[i][1]);
        assert_same(&limits, &own);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_set_numbers),       cmocka_unit_test(kinds_bring_their_numbers),
        cmocka_unit_test(a_team_brings_its_lanes), cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(wrong_texts_are_refused),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
