// SPDX-License-Identifier: MIT
// Contexts and buffers: which device is taken, what is refused, and what is told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static int clear_environment(void **state) {
    (void)state;
    return unsetenv("VKNORM_DISABLE");
}

static void devices_by_index_and_name(void **state) {
    (void)state;
    uint32_t count = 0;
    MUST(vkn_device_count(&count));
    assert_true(count >= 1);
    vkn_context *context = NULL;
    MUST(vkn_context_create(&(vkn_context_info){.device = "0"}, &context));
    vkn_device_info about;
    vkn_context_device_info(context, &about);
    vkn_context_destroy(context);
    assert_true(about.name[0] && about.max_workgroup_invocations >= 128 && about.max_workgroups >= 65535);
    assert_true(about.max_binding_bytes >= (1u << 27) && about.subgroup_size >= 1);

    char part[8] = "";
    for (size_t i = 0; i + 1 < sizeof part && about.name[i]; i++) {
        part[i] = (char)(about.name[i] >= 'a' && about.name[i] <= 'z' ? about.name[i] - 32 : about.name[i] | 32);
        if (about.name[i] == ' ') part[i] = ' ';
    }
    MUST(vkn_context_create(&(vkn_context_info){.device = part}, &context));
    vkn_context_destroy(context);

    char beyond[16];
    (void)snprintf(beyond, sizeof beyond, "%u", count);
    MUST_FAIL(vkn_context_create(&(vkn_context_info){.device = beyond}, &context), VKN_NO_DEVICE, beyond);
    assert_null(context);
    MUST_FAIL(vkn_context_create(&(vkn_context_info){.device = "no such GPU"}, &context), VKN_NO_DEVICE, "no such GPU");
}

static void device_from_the_environment(void **state) {
    (void)state;
    const char *set = getenv("VKNORM_DEVICE");
    char *before = set ? strdup(set) : NULL;
    vkn_context *context = NULL;
    setenv("VKNORM_DEVICE", "no such GPU", 1);
    MUST_FAIL(vkn_context_create(NULL, &context), VKN_NO_DEVICE, "no such GPU");
    setenv("VKNORM_DEVICE", "4000000000000000000000", 1);
    MUST_FAIL(vkn_context_create(NULL, &context), VKN_NO_DEVICE, "4000000000000000000000");
    MUST(vkn_context_create(&(vkn_context_info){.device = "0"}, &context)); // what is asked for comes first
    vkn_context_destroy(context);
    if (before)
        setenv("VKNORM_DEVICE", before, 1);
    else
        unsetenv("VKNORM_DEVICE");
    free(before);
}

static void features_are_turned_off(void **state) {
    (void)state;
    static const char *const keys[] = {
#define X(name, bit, key, text) key,
        VKN_FEATURES(X)
#undef X
    };
    vkn_context *context = NULL;
    vkn_device_info about;
    for (uint32_t i = 0; i < VKN_FEATURE_COUNT; i++) {
        setenv("VKNORM_DISABLE", keys[i], 1);
        MUST(vkn_context_create(NULL, &context));
        vkn_context_device_info(context, &about);
        vkn_context_destroy(context);
        assert_false(about.used & (1u << i));
        assert_non_null(strstr(about.why_off[i], about.found & (1u << i) ? "VKNORM_DISABLE" : ""));
        unsetenv("VKNORM_DISABLE");
        MUST(vkn_context_create(&(vkn_context_info){.disable = 1u << i}, &context));
        vkn_context_device_info(context, &about);
        vkn_context_destroy(context);
        assert_false(about.used & (1u << i));
        assert_non_null(about.why_off[i]);
    }
    setenv("VKNORM_DISABLE", "vector,subgroup", 1);
    MUST(vkn_context_create(&(vkn_context_info){.disable = VKN_FEATURE_ON_CHIP}, &context));
    vkn_context_device_info(context, &about);
    vkn_context_destroy(context);
    assert_false(about.used & (VKN_FEATURE_VECTOR | VKN_FEATURE_SUBGROUP | VKN_FEATURE_ON_CHIP));
    assert_int_equal(about.subgroup_size, 1);
}

// What is not used of 16-bit storage is not enabled either, and who borrows the device is told.
static void features_of_the_device_are_told(void **state) {
    (void)state;
    for (uint32_t disable = 0; disable <= VKN_FEATURE_STORAGE_16BIT; disable += VKN_FEATURE_STORAGE_16BIT) {
        vkn_context *context = NULL;
        vkn_device_info about;
        vkn_context_info info;
        MUST(vkn_context_create(&(vkn_context_info){.disable = disable}, &context));
        vkn_context_device_info(context, &about);
        vkn_context_get_info(context, &info);
        assert_int_equal(info.enabled_features->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
        const VkPhysicalDevice16BitStorageFeatures *storage = info.enabled_features->pNext;
        assert_int_equal(storage->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
        assert_int_equal(storage->storageBuffer16BitAccess, !!(about.used & VKN_FEATURE_STORAGE_16BIT));
        vkn_context_destroy(context);
    }
}

static void unknown_features_are_refused(void **state) {
    static const char *const words[] = {"vectors", "subgroup,warp", "subgroup;vector", "VECTOR", "vec"};
    static const char *const named[] = {"vectors", "warp", "subgroup;vector", "VECTOR", "vec"};
    vkn_context *context = (vkn_context *)(void *)state; // anything but NULL
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        setenv("VKNORM_DISABLE", words[i], 1);
        MUST_FAIL(vkn_context_create(NULL, &context), VKN_BAD_ARGUMENT, named[i]);
        assert_null(context);
    }
    MUST_FAIL(vkn_context_create(NULL, &context), VKN_BAD_ARGUMENT,
              "is none of subgroup, push_descriptor, vector, on_chip, host_visible, coherent, 16bit");
    unsetenv("VKNORM_DISABLE");
    MUST_FAIL(vkn_context_create(&(vkn_context_info){.disable = 1u << VKN_FEATURE_COUNT}, &context), VKN_BAD_ARGUMENT,
              "disable: 0x80 has bits beyond 0x7f");
}

static void limits_are_checked(void **state) {
    (void)state;
    vkn_context *context = NULL;
    MUST_FAIL(vkn_context_create(&(vkn_context_info){.max_binding_bytes = 4096}, &context), VKN_BAD_ARGUMENT,
              "max_binding_bytes: 4096");
    MUST_FAIL(vkn_context_create(&(vkn_context_info){.max_workgroups = 3}, &context), VKN_BAD_ARGUMENT,
              "max_workgroups: 3");
    MUST_FAIL(vkn_context_create(&(vkn_context_info){.limits = "lanes=24"}, &context), VKN_BAD_ARGUMENT,
              "limits: lanes=24");
    MUST_FAIL(vkn_context_create(NULL, NULL), VKN_BAD_ARGUMENT, "out");
    MUST(vkn_context_create(&(vkn_context_info){.max_binding_bytes = 65536, .max_workgroups = 64}, &context));
    vkn_device_info about;
    vkn_context_device_info(context, &about);
    assert_true(about.max_binding_bytes == 65536 && about.max_workgroups == 64);
    vkn_context_destroy(context);
    vkn_context_destroy(NULL);
}

static void note(void *user, vkn_log_level level, const char *text) {
    assert_true(level <= VKN_LOG_INFO && text && *text);
    *(bool *)user |= strstr(text, "vector") != NULL;
}

static void reasons_are_logged(void **state) {
    (void)state;
    bool heard = false;
    vkn_context *context = NULL;
    MUST(vkn_context_create(&(vkn_context_info){.disable = VKN_FEATURE_VECTOR, .log = note, .log_user = &heard},
                            &context));
    vkn_context_destroy(context);
    assert_true(heard);
}

static void buffers_copy_and_check(void **state) {
    (void)state;
    static const uint32_t ways[] = {0, VKN_FEATURE_HOST_VISIBLE, VKN_FEATURE_COHERENT,
                                    VKN_FEATURE_HOST_VISIBLE | VKN_FEATURE_COHERENT};
    enum { BYTES = 100003 };
    static unsigned char out[BYTES], in[BYTES];
    for (size_t i = 0; i < BYTES; i++)
        out[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        vkn_context *context = NULL;
        vkn_buffer *buffer = NULL;
        MUST(vkn_context_create(&(vkn_context_info){.disable = ways[w]}, &context));
        MUST_FAIL(vkn_buffer_create(context, 0, &buffer), VKN_BAD_ARGUMENT, "bytes: 0");
        assert_null(buffer);
        MUST(vkn_buffer_create(context, BYTES, &buffer));
        assert_true(vkn_buffer_size(buffer) == BYTES && vkn_buffer_handle(buffer) != VK_NULL_HANDLE);
        MUST(vkn_buffer_upload(buffer, 0, out, BYTES));
        MUST(vkn_buffer_upload(buffer, 1001, out, 5)); // odd offsets and sizes
        memcpy(in, out, BYTES);
        memcpy(in + 1001, out, 5);
        static unsigned char back[BYTES];
        MUST(vkn_buffer_download(buffer, 0, back, BYTES));
        assert_memory_equal(back, in, BYTES);
        MUST(vkn_buffer_download(buffer, 77777, back, 3));
        assert_memory_equal(back, in + 77777, 3);
        MUST(vkn_buffer_upload(buffer, BYTES, out, 0));
        MUST_FAIL(vkn_buffer_upload(buffer, BYTES, out, 1), VKN_BAD_ARGUMENT, "100003");
        MUST_FAIL(vkn_buffer_download(buffer, 1, back, BYTES), VKN_BAD_ARGUMENT, "100003");
        MUST_FAIL(vkn_buffer_download(buffer, UINT64_MAX, back, 2), VKN_BAD_ARGUMENT, "100003");
        MUST_FAIL(vkn_buffer_upload(buffer, 0, NULL, 1), VKN_BAD_ARGUMENT, "data: NULL");
        vkn_buffer_destroy(buffer);
        vkn_buffer_destroy(NULL);
        vkn_context_destroy(context);
    }
}

static void no_driver_is_an_error(void **state) {
    (void)state;
    vkn_context *context = (vkn_context *)&state;
    uint32_t count = 7;
    vkn_result result = vkn_context_create(NULL, &context);
    assert_int_equal(result, VKN_NO_DEVICE);
    assert_null(context);
    assert_non_null(strstr(vkn_error_message(), "driver"));
    result = vkn_device_count(&count);
    assert_true((result == VKN_NO_DEVICE && *vkn_error_message()) || (result == VKN_OK && count == 0));
}

int main(int argc, char **argv) {
    const struct CMUnitTest without_driver[] = {cmocka_unit_test(no_driver_is_an_error)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(devices_by_index_and_name, clear_environment, clear_environment),
        cmocka_unit_test_setup_teardown(device_from_the_environment, clear_environment, clear_environment),
        cmocka_unit_test_setup_teardown(features_are_turned_off, clear_environment, clear_environment),
        cmocka_unit_test_setup_teardown(features_of_the_device_are_told, clear_environment, clear_environment),
        cmocka_unit_test_setup_teardown(unknown_features_are_refused, clear_environment, clear_environment),
        cmocka_unit_test(limits_are_checked),
        cmocka_unit_test(reasons_are_logged),
        cmocka_unit_test(buffers_copy_and_check),
    };
    if (argc == 2 && !strcmp(argv[1], "no_driver")) {
        return cmocka_run_group_tests_name("context without driver", without_driver, NULL, NULL);
    }
    return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
