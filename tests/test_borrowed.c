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

static struct norm_case batch = {
    {VKN_BATCH, 1, 1, 1e-5f}, VKN_CHANNELS_FIRST, 4, {3, 5, 9, 11}, DATA_NORMAL, SIZE_SMALL};

static void passes_on_a_borrowed_device(bool push_descriptor) {
    struct own_device own;
    own_device_open(&own, push_descriptor);
    vkn_context_info info = own_device_lend(&own);
    struct rig rig;
    assert_int_equal(rig_open(&rig, &info), 0);
    vkn_device_info about;
    vkn_context_device_info(rig.context, &about);
    assert_int_equal(!!(about.used & VKN_FEATURE_PUSH_DESCRIPTOR), own.extension_count);
    assert_int_equal(norm_case_run(&rig, &batch, 0), 0);
    rig_close(&rig);
    own_device_close(&own);
}

static void with_push_descriptors(void **state) {
    (void)state;
    passes_on_a_borrowed_device(true);
}

static void without_extensions(void **state) {
    (void)state;
    passes_on_a_borrowed_device(false);
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
    own_device_open(&own, true);
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

// One vkn context lends its device to another.
static void from_another_context(void **state) {
    (void)state;
    struct rig lender, borrower;
    assert_int_equal(rig_open(&lender, NULL), 0);
    vkn_context_info info;
    vkn_context_get_info(lender.context, &info);
    assert_int_equal(rig_open(&borrower, &info), 0);
    assert_int_equal(norm_case_run(&borrower, &batch, 1), 0);
    rig_close(&borrower);
    assert_int_equal(norm_case_run(&lender, &batch, 2), 0);
    rig_close(&lender);
}

// Each part of a borrowed device is needed, and none goes with a device by name.
static void parts_must_be_complete(void **state) {
    (void)state;
    struct own_device own;
    own_device_open(&own, false);
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
    info.queue_family = 99;
    MUST_FAIL(vkn_context_create(&info, &context), VKN_BAD_ARGUMENT, "queue_family: 99");
    own_device_close(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_push_descriptors),           cmocka_unit_test(without_extensions),
        cmocka_unit_test(into_the_callers_command_buffer), cmocka_unit_test(from_another_context),
        cmocka_unit_test(parts_must_be_complete),
    };
    return cmocka_run_group_tests_name("borrowed", tests, NULL, NULL);
}
