// SPDX-License-Identifier: MIT
// A vkGetInstanceProcAddr that stands between vknorm and the loader: it counts the calls that make Vulkan objects or
// memory, can let one of them, or a submission, fail, and takes stand-ins for other functions.
#ifndef TESTS_INTERPOSE_H
#define TESTS_INTERPOSE_H

#include <stdint.h>

#include <vknorm/vknorm.h>

struct interpose {
    PFN_vkGetInstanceProcAddr next;
    uint64_t made;      // objects made and memory allocated or mapped
    uint64_t fail_at;   // the call that fails, counted from 1; 0: none
    VkResult fail_with; // what it returns
    const char *failed; // the name of the call that failed
    VkResult submitted; // what vkQueueSubmit returns without submitting; VK_SUCCESS: it submits
    // What stands in for functions of another name, which may be `theirs` itself; NULL: nothing does.
    PFN_vkVoidFunction (*stand_in)(const char *name, PFN_vkVoidFunction theirs);
};
extern struct interpose interpose;

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL interpose_get_instance_proc_addr(VkInstance, const char *name);
// What borrows the device of another context, which must outlive it, through the above.
vkn_context_info interpose_borrow(const vkn_context *lender);

#endif
