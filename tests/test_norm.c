// SPDX-License-Identifier: MIT
// The table of cases through the table of passes, on one device. Arguments, all optional:
//   kind=batch|instance|group|layer|rms   size=small|large   binding=<bytes>   workgroups=<n>
//   limits=<as vkn_context_info.limits>
//   case=<part of a name>   every=<n> shift=<n>: of the passes that take turns
//   share=<n>: each other pass for one case in n of each class
// What the device is to do without comes from VKNORM_DISABLE.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "norm_case.h"

struct options {
    const char *kind, *size, *match, *limits;
    uint32_t binding, workgroups, every, shift, share;
};

enum { MOST_CASES = 256 };

static struct rig rig;
static struct options options = {.size = "small", .match = "", .every = 1, .share = 1};

static void run_case(void **state) {
    const struct norm_case *c = *state;
    const struct norm_turns turns = {options.every, options.shift, options.share};
    int faults = norm_case_run_turns(&rig, c, (size_t)(c - norm_cases), &turns);
    if (faults) fail_msg("%d faults", faults);
}

static int open_rig(void **state) {
    (void)state;
    vkn_context_info info = {
        .max_binding_bytes = options.binding, .max_workgroups = options.workgroups, .limits = options.limits};
    if (rig_open(&rig, &info)) return -1;
    vkn_device_info device;
    vkn_context_device_info(rig.context, &device);
    print_message("%s: features 0x%x of 0x%x, binding %llu bytes, %u workgroups\n", device.name, device.used,
                  device.found, (unsigned long long)device.max_binding_bytes, device.max_workgroups);
    return 0;
}

static int close_rig(void **state) {
    (void)state;
    rig_close(&rig);
    return 0;
}

static bool parse(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) return false;
        *value++ = '\0';
        const struct {
            const char *key, **text;
            uint32_t *number;
        } known[] = {
            {"kind", &options.kind, NULL},     {"size", &options.size, NULL},
            {"case", &options.match, NULL},    {"binding", NULL, &options.binding},
            {"limits", &options.limits, NULL}, {"workgroups", NULL, &options.workgroups},
            {"every", NULL, &options.every},   {"shift", NULL, &options.shift},
            {"share", NULL, &options.share},
        };
        size_t k = 0;
        while (k < sizeof known / sizeof *known && strcmp(known[k].key, argv[i]) != 0)
            k++;
        if (k == sizeof known / sizeof *known) return false;
        if (known[k].text) *known[k].text = value;
        if (known[k].number) *known[k].number = (uint32_t)strtoul(value, NULL, 10);
    }
    return options.every > 0 && options.share > 0;
}

static bool is_wanted(const struct norm_case *c, const char *name) {
    enum case_size size = strcmp(options.size, "large") == 0 ? SIZE_LARGE : SIZE_SMALL;
    if (options.kind && strcmp(options.kind, norm_kind_name(c->norm.kind)) != 0) return false;
    return c->size == size && strstr(name, options.match);
}

int main(int argc, char **argv) {
    if (!parse(argc, argv)) {
        fprintf(stderr, "test_norm: arguments are kind=, size=, case=, binding=, workgroups=, limits=, every=, shift=, "
                        "share=\n");
        return 2;
    }
    static struct CMUnitTest tests[MOST_CASES];
    static char names[MOST_CASES][NORM_CASE_NAME_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < norm_case_count && count < MOST_CASES; i++) {
        norm_case_name(&norm_cases[i], names[count]);
        if (!is_wanted(&norm_cases[i], names[count])) continue;
        tests[count] = (struct CMUnitTest){names[count], run_case, NULL, NULL, &norm_cases[i]};
        count++;
    }
    if (count == 0 || norm_case_count > MOST_CASES) {
        fprintf(stderr, "test_norm: no such case, or more than %d\n", MOST_CASES);
        return 2;
    }
    return _cmocka_run_group_tests("norm", tests, count, open_rig, close_rig);
}
