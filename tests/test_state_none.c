// SPDX-License-Identifier: MIT
// A build without jansson refuses to save and to load, and says why.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static void both_calls_say_why(void **state) {
    (void)state;
    MUST_FAIL(vkn_state_save("file", NULL, 0), VKN_UNSUPPORTED, "vkn_state_save: this vknorm was built without");
    MUST_FAIL(vkn_state_load("file", NULL, 0, true), VKN_UNSUPPORTED, "vkn_state_load: this vknorm was built without");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_calls_say_why)};
    return cmocka_run_group_tests_name("state_none", tests, NULL, NULL);
}
