// SPDX-License-Identifier: MIT
// The state of layers in a build without it.
#include "error.h"

static vkn_result fail_state(const char *function) {
    return vkn_fail(VKN_UNSUPPORTED, "%s: this vknorm was built without VKNORM_STATE, for which it needs jansson",
                    function);
}

vkn_result vkn_state_save(const char *path, const vkn_state_entry *entries, uint32_t count) {
    (void)path, (void)entries, (void)count;
    return fail_state("vkn_state_save");
}

vkn_result vkn_state_load(const char *path, const vkn_state_entry *entries, uint32_t count, bool strict) {
    (void)path, (void)entries, (void)count, (void)strict;
    return fail_state("vkn_state_load");
}
