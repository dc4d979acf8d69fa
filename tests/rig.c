// SPDX-License-Identifier: MIT
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int rig_open(struct rig *rig, const vkn_context_info *info) {
    *rig = (struct rig){0};
    if (!vkn_context_create(info, &rig->context) && !vkn_recorder_create(rig->context, &rig->recorder)) return 0;
    print_error("%s\n", vkn_error_message());
    rig_close(rig);
    return -1;
}

void rig_close(struct rig *rig) {
    vkn_recorder_destroy(rig->recorder);
    vkn_context_destroy(rig->context);
    *rig = (struct rig){0};
}

struct rig fixture;

int fixture_open(void **state) {
    (void)state;
    return rig_open(&fixture, NULL);
}

int fixture_close(void **state) {
    (void)state;
    rig_close(&fixture);
    return 0;
}
