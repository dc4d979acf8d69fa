// SPDX-License-Identifier: MIT
// Mistakes made on purpose, on a device opened by vknorm: the tests rely on the validation layer to see such things.
// Argument: `buffer`, a VkBuffer of no bytes; `hazard`, a norm that reads what another wrote, with no barrier between.
#include <stdio.h>
#include <string.h>

#include <vknorm/vknorm.h>

static vkn_result make_empty_buffer(vkn_context *context) {
    vkn_context_info info;
    vkn_context_get_info(context, &info);
    PFN_vkCreateBuffer create = (PFN_vkCreateBuffer)info.get_instance_proc_addr(info.instance, "vkCreateBuffer");
    PFN_vkDestroyBuffer destroy = (PFN_vkDestroyBuffer)info.get_instance_proc_addr(info.instance, "vkDestroyBuffer");
    VkBufferCreateInfo empty = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT};
    VkBuffer buffer = VK_NULL_HANDLE;
    if (create(info.vk_device, &empty, NULL, &buffer) == VK_SUCCESS) destroy(info.vk_device, buffer, NULL);
    return VKN_OK;
}

static vkn_result read_too_early(vkn_context *context) {
    vkn_recorder *recorder = NULL;
    vkn_buffer *x = NULL, *y = NULL;
    vkn_norm norm = vkn_norm_defaults(VKN_LAYER);
    vkn_result result = vkn_recorder_create(context, &recorder);
    if (!result) result = vkn_buffer_create(context, 4096, &x);
    if (!result) result = vkn_buffer_create(context, 4096, &y);
    if (!result) result = vkn_recorder_begin(recorder, VK_NULL_HANDLE);
    for (int i = 0; i < 2 && !result; i++) {
        vkn_forward_args args = {
            .x = {.buffer = vkn_buffer_handle(i ? y : x), .rank = 2, .shape = {16, 64}},
            .y = {.buffer = vkn_buffer_handle(i ? x : y), .rank = 2, .shape = {16, 64}},
        };
        result = vkn_norm_forward(recorder, &norm, &args);
    }
    if (!result) result = vkn_recorder_submit_and_wait(recorder);
    vkn_recorder_destroy(recorder);
    vkn_buffer_destroy(x);
    vkn_buffer_destroy(y);
    return result;
}

int main(int argc, char **argv) {
    bool hazard = argc == 2 && !strcmp(argv[1], "hazard");
    vkn_context *context = NULL;
    vkn_result result = vkn_context_create(NULL, &context);
    if (!result) result = hazard ? read_too_early(context) : make_empty_buffer(context);
    if (result) fprintf(stderr, "%s\n", vkn_error_message());
    vkn_context_destroy(context);
    return result != VKN_OK;
}
