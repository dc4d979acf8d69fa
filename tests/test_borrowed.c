// SPDX-License-Identifier: MIT
// An application's own instance, device, queue and command buffers.
#include <volk.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "norm_case.h"
#include "own_device.h"

enum {
#define X(name, bit, key, text) BIT_##name = (bit),
    VKN_FEATURES(X)
#undef X
};

static struct norm_case batch = {
    .norm = {.kind = VKN_BATCH, .eps = 1e-5f}, .layout = VKN_CHANNELS_FIRST, .rank = 4, .shape = {3, 5, 9, 11}};

// The number of faults of a forward and a backward pass, one in f32 and one in f16.
static int run_passes(const struct rig *rig) {
    enum { GRADIENTS = PASS_DX | PASS_DWEIGHT | PASS_DBIAS };
    static const struct norm_pass passes[] = {
        {"borrowed forward", PASS_TRAINING | PASS_WEIGHT | PASS_BIAS, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
        {"borrowed forward f16", PASS_TRAINING | PASS_WEIGHT | PASS_BIAS, VKN_F16, VKN_SILU, 0, 0},
        {"borrowed backward", PASS_BACKWARD | PASS_TRAINING | GRADIENTS, VKN_F32, VKN_NO_ACTIVATION, 0, 0},
        {"borrowed backward f16", PASS_BACKWARD | PASS_TRAINING | GRADIENTS, VKN_F16, VKN_NO_ACTIVATION, 0, 0},
    };
    int faults = 0;
    for (uint32_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        bool backward = passes[i].flags & PASS_BACKWARD;
        faults += (backward ? backward_run : forward_run)(rig, &batch, &passes[i], i % OFFSET_PATTERNS);
    }
    return faults;
}

static void passes_on_a_borrowed_device(uint32_t features) {
    struct own_device own;
    own_device_open(&own, features);
    vkn_context_info info = own_device_lend(&own);
    struct rig rig;
    assert_int_equal(rig_open(&rig, &info), 0);
    vkn_device_info about;
    vkn_context_device_info(rig.context, &about);
    assert_int_equal(!!(about.used & VKN_FEATURE_PUSH_DESCRIPTOR), own.extension_count);
    assert_int_equal(!!(about.used & VKN_FEATURE_STORAGE_16BIT), own.storage_16bit.storageBuffer16BitAccess);
    assert_int_equal(run_passes(&rig), 0);
    rig_close(&rig);
    own_device_close(&own);
}

static void with_push_descriptors(void **state) {
    (void)state;
    passes_on_a_borrowed_device(VKN_FEATURE_PUSH_DESCRIPTOR);
}

static void with_16bit_storage(void **state) {
    (void)state;
    passes_on_a_borrowed_device(VKN_FEATURE_STORAGE_16BIT);
}

static void without_extensions(void **state) {
    (void)state;
    passes_on_a_borrowed_device(0);
}

// Only what the chain says counts, in either structure, wherever it stands.
static void features_are_told_by_a_chain(void **state) {
    (void)state;
    struct own_device own;
    own_device_open(&own, VKN_FEATURE_STORAGE_16BIT);
    VkBool32 has_16bit = own.storage_16bit.storageBuffer16BitAccess;
    VkPhysicalDeviceVulkan11Features vulkan11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                                 .storageBuffer16BitAccess = has_16bit};
    VkPhysicalDeviceMultiviewFeatures another = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_FEATURES, .pNext = &vulkan11, .multiview = VK_TRUE};
    VkPhysicalDeviceFeatures2 behind_another = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                                .pNext = &another};
    VkPhysicalDeviceFeatures2 alone = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    const struct {
        const VkPhysicalDeviceFeatures2 *chain;
        bool used;
    } cases[] = {{&own.features, has_16bit}, {&behind_another, has_16bit}, {&alone, false}, {NULL, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vkn_context_info info = own_device_lend(&own), told;
        info.enabled_features = cases[i].chain;
        vkn_context *context = NULL;
        vkn_device_info about;
        MUST(vkn_context_create(&info, &context));
        vkn_context_device_info(context, &about);
        vkn_context_get_info(context, &told);
        assert_int_equal(!!(about.used & VKN_FEATURE_STORAGE_16BIT), cases[i].used);
        assert_int_equal(!about.why_off[BIT_STORAGE_16BIT], cases[i].used);
        const char *why = about.why_off[BIT_STORAGE_16BIT];
        if (why) assert_non_null(strstr(why, "storageBuffer16BitAccess"));
        const VkPhysicalDevice16BitStorageFeatures *storage = told.enabled_features->pNext;
        assert_int_equal(storage->storageBuffer16BitAccess, cases[i].used);
        vkn_context_destroy(context);
    }
    own_device_close(&own);
}

// A buffer ends with a whole word of 32 bits, whatever its size: a fill up to its end, which goes by words, reaches all
// that was asked for.
static void buffers_end_with_a_whole_word(void **state) {
    (void)state;
    enum { BYTES = 39 };
    struct own_device own;
    own_device_open(&own, 0);
    const vkn_context_info info = own_device_lend(&own);
    struct rig rig;
    assert_int_equal(rig_open(&rig, &info), 0);
    vkn_buffer *buffer = NULL;
    unsigned char back[BYTES] = {0}, want[BYTES];
    memset(want, 0x5a, sizeof want);
    MUST(vkn_buffer_create(rig.context, BYTES, &buffer));
    assert_true(vkn_buffer_size(buffer) == BYTES);
    MUST(vkn_buffer_upload(buffer, 0, back, BYTES));
    MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
    vkCmdFillBuffer(vkn_recorder_command_buffer(rig.recorder), vkn_buffer_handle(buffer), 0, VK_WHOLE_SIZE, 0x5a5a5a5a);
    MUST(vkn_recorder_submit_and_wait(rig.recorder));
    MUST(vkn_buffer_download(buffer, 0, back, BYTES));
    assert_memory_equal(back, want, BYTES);
    vkn_buffer_destroy(buffer);
    rig_close(&rig);
    own_device_close(&own);
}

static VkCommandBuffer begin_own_commands(const struct own_device *own) {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = own->pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    assert_int_equal(vkAllocateCommandBuffers(own->device, &allocate, &commands), VK_SUCCESS);
    assert_int_equal(vkBeginCommandBuffer(commands, &begin), VK_SUCCESS);
    return commands;
}

static void submit_own_commands(const struct own_device *own, VkCommandBuffer commands) {
    VkMemoryBarrier to_host = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                               .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, NULL, 0, NULL);
    assert_int_equal(vkEndCommandBuffer(commands), VK_SUCCESS);
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
    assert_int_equal(vkQueueSubmit(own->queue, 1, &submit, VK_NULL_HANDLE), VK_SUCCESS);
    assert_int_equal(vkQueueWaitIdle(own->queue), VK_SUCCESS);
}

// y = norm(x), then x2 = a copy of y, then y2 = norm(x2): the application's copy stands between two norms. vknorm has
// no queue here, and leaves submission to the application.
static void into_the_callers_command_buffer(void **state) {
    (void)state;
    struct own_device own;
    own_device_open(&own, VKN_FEATURE_PUSH_DESCRIPTOR);
    vkn_context_info info = own_device_lend(&own);
    info.queue = VK_NULL_HANDLE;
    struct rig rig;
    assert_int_equal(rig_open(&rig, &info), 0);

    struct sample s = sample_make(&batch);
    struct box x = box_make(rig.context, "x", 0, &s.like, s.x), y = box_make(rig.context, "y", 0, &s.like, NULL);
    struct box x2 = box_make(rig.context, "x2", 0, &s.like, NULL), y2 = box_make(rig.context, "y2", 0, &s.like, NULL);
    VkCommandBuffer commands = begin_own_commands(&own);
    MUST(vkn_recorder_begin(rig.recorder, commands));
    assert_ptr_equal(vkn_recorder_command_buffer(rig.recorder), commands);
    vkn_forward_args first = {.x = x.tensor, .y = y.tensor, .training = true};
    vkn_forward_args second = {.x = x2.tensor, .y = y2.tensor, .training = true};
    MUST(vkn_norm_forward(rig.recorder, &batch.norm, &first));
    MUST(vkn_recorder_barrier(rig.recorder));
    VkBufferCopy copy = {0, 0, s.r.count * sizeof(float)};
    vkCmdCopyBuffer(commands, y.tensor.buffer, x2.tensor.buffer, 1, &copy);
    MUST(vkn_recorder_barrier(rig.recorder));
    MUST(vkn_norm_forward(rig.recorder, &batch.norm, &second));
    MUST_FAIL(vkn_recorder_submit_and_wait(rig.recorder), VKN_BAD_ARGUMENT, "its own command buffer");
    submit_own_commands(&own, commands);

    double *want = zeros(s.r.count, sizeof *want);
    reference_forward(&s.r, s.x64, s.mean, s.rstd, NULL, NULL, want);
    assert_int_equal(box_fetch(&y, "own commands", true) + box_fetch(&y2, "own commands", true), 0);
    assert_int_equal(compare("own commands", "y", box_floats(&y), want, s.r.count, ulps64(4)), 0);
    double *again = doubles_of(box_floats(&y), s.r.count);
    reference_statistics(&s.r, again, s.mean, s.var);
    reference_rstd(&s.r, s.var, s.rstd);
    reference_forward(&s.r, again, s.mean, s.rstd, NULL, NULL, want);
    assert_int_equal(compare("own commands", "y2", box_floats(&y2), want, s.r.count, ulps64(4)), 0);
    free(again);
    free(want);

    MUST(vkn_recorder_begin(rig.recorder, VK_NULL_HANDLE));
    MUST_FAIL(vkn_recorder_submit_and_wait(rig.recorder), VKN_UNSUPPORTED, "queue");
    struct box *boxes[] = {&x, &y, &x2, &y2};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        box_destroy(boxes[i]);
    sample_destroy(&s);
    rig_close(&rig);
    own_device_close(&own);
}

// One vkn context lends its device to another, with all that it uses itself.
static void from_another_context(void **state) {
    (void)state;
    struct rig lender, borrower;
    assert_int_equal(rig_open(&lender, NULL), 0);
    vkn_context_info info;
    vkn_device_info of_lender, of_borrower;
    vkn_context_get_info(lender.context, &info);
    assert_int_equal(rig_open(&borrower, &info), 0);
    vkn_context_device_info(lender.context, &of_lender);
    vkn_context_device_info(borrower.context, &of_borrower);
    assert_int_equal(of_borrower.used, of_lender.used);
    assert_int_equal(run_passes(&borrower), 0);
    rig_close(&borrower);
    assert_int_equal(run_passes(&lender), 0);
    rig_close(&lender);
}

// Each part of a borrowed device is needed, and none goes with a device by name.
static void parts_must_be_complete(void **state) {
    (void)state;
    struct own_device own;
    own_device_open(&own, 0);
    const vkn_context_info whole = own_device_lend(&own);
    vkn_context *context = (vkn_context *)&own;
    vkn_context_info info = whole;
    info.instance = VK_NULL_HANDLE;
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT, "instance");
    assert_null(context);
    info = whole;
    info.physical_device = VK_NULL_HANDLE;
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT, "physical_device");
    info = whole;
    info.vk_device = VK_NULL_HANDLE;
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT, "vk_device");
    info = whole;
    info.get_instance_proc_addr = NULL;
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT, "get_instance_proc_addr");
    info = whole;
    info.device = "0";
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT, "device: \"0\"");
    info = whole;
    info.enabled_extension_count = 3;
    info.enabled_extensions = NULL;
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT, "enabled_extension_count");
    info = whole;
    const VkPhysicalDeviceFeatures2 untyped = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO};
    info.enabled_features = &untyped;
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT,
              "enabled_features: sType 0, must be 1000059000 (VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2)");
    info = whole;
    info.queue_family = 99;
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT, "queue_family: 99");
    own_device_close(&own);
}

// What tells more of a borrowed device is nothing to say of vknorm's own.
static void parts_of_no_borrowed_device(void **state) {
    (void)state;
    const VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    const char *const extensions[] = {VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME};
    const vkn_context_info infos[] = {
        {.queue = (VkQueue)(void *)state},
        {.enabled_extensions = extensions, .enabled_extension_count = 1},
        {.device = "0", .enabled_features = &features},
    };
    static const char *const words[] = {"queue: given, but vk_device is not", "enabled_extensions: given",
                                        "enabled_features: given, but vk_device is not"};
    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++) {
        vkn_context *context = (vkn_context *)(void *)state; // anything but NULL
        MUST_FAIL(vkn_context_create(&infos[i], &context), VKN_BAD_ARGUMENT, words[i]);
        assert_null(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_push_descriptors),
        cmocka_unit_test(with_16bit_storage),
        cmocka_unit_test(without_extensions),
        cmocka_unit_test(features_are_told_by_a_chain),
        cmocka_unit_test(buffers_end_with_a_whole_word),
        cmocka_unit_test(into_the_callers_command_buffer),
        cmocka_unit_test(from_another_context),
        cmocka_unit_test(parts_must_be_complete),
        cmocka_unit_test(parts_of_no_borrowed_device),
    };
    return cmocka_run_group_tests_name("borrowed", tests, NULL, NULL);
}
