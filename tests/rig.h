// SPDX-License-Identifier: MIT
// A context and a recorder to test with.
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <vknorm/vknorm.h>

struct rig {
    vkn_context *context;
    vkn_recorder *recorder;
};
// 0, or -1 with the message printed.
int rig_open(struct rig *, const vkn_context_info *);
void rig_close(struct rig *);

// The rig that the tests of a program share: setup and teardown of their group.
extern struct rig fixture;
int fixture_open(void **state);
int fixture_close(void **state);

// Fails the running test, with vkn_error_message(), unless the call succeeds.
#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        vkn_result must_result = (call);                                                                               \
        if (must_result) fail_msg("%s: %s (%s)", #call, vkn_error_message(), vkn_result_string(must_result));          \
    } while (0)
// Fails the running test unless the call fails with `wanted` and a message that contains `words`.
#define MUST_FAIL(call, wanted, words)                                                                                 \
    do {                                                                                                               \
        vkn_result must_result = (call);                                                                               \
        if (must_result != (wanted))                                                                                   \
            fail_msg("%s: %s, must be %s", #call, vkn_result_string(must_result), vkn_result_string(wanted));          \
        if (!strstr(vkn_error_message(), words))                                                                       \
            fail_msg("%s: message \"%s\", must contain \"%s\"", #call, vkn_error_message(), words);                    \
    } while (0)

#endif
