// SPDX-License-Identifier: MIT
// An application that leaves Vulkan to vknorm.
#include <vknorm/vknorm.h>

#include "norm.h"

int main(void) {
    vkn_context *context = NULL;
    if (vkn_context_create(NULL, &context) != VKN_OK) {
        printf("%s\n", vkn_error_message());
        return 1;
    }
    const int failed = norm_check(context);
    vkn_context_destroy(context);
    return failed;
}
