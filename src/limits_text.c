// SPDX-License-Identifier: MIT
// Numbers by name, as vkn_context_info.limits gives them.
#include "error.h"
#include "limits.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct number {
    const char *name, *what;
    size_t offset;
    uint32_t least, most;
    bool power;
} numbers[] = {
#define X(name, least, most, power, text) {#name, text, offsetof(vkn_limits, name), least, most, power},
    VKN_NUMBERS(X)
#undef X
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };
static const char names[] =
#define X(name, least, most, power, text) ", " #name
    VKN_NUMBERS(X);
#undef X

static uint32_t *number_in(vkn_limits *limits, const struct number *number) {
    return (uint32_t *)(void *)((char *)limits + number->offset);
}

// Every team has as many lanes, and a CPU does as a GPU does.
static void give_each_team(vkn_limits *limits) {
    limits->lanes = limits->stream_lanes = limits->team;
    if (!limits->cpu) return;
    limits->gpu = true;
    limits->column_words = 1;
    limits->column_block = 4;
}

static bool is_word(const char *word, size_t length, const char *name) {
    return strlen(name) == length && strncmp(name, word, length) == 0;
}

static vkn_result set_number(vkn_limits *limits, const char *source, const char *word, size_t length) {
    size_t name = strcspn(word, "=,"), i = 0;
    while (i < NUMBERS && !is_word(word, name, numbers[i].name))
        ++i;
    if (i == NUMBERS || name == length)
        return vkn_fail(VKN_BAD_ARGUMENT,
                        "%s: \"%.*s\" is none of %s, with = and a number; nor cpu or gpu, before them", source,
                        (int)length, word, names + strlen(", "));
    const struct number *number = &numbers[i];
    char *end = NULL;
    unsigned long long value = strtoull(word + name + 1, &end, 10);
    bool digits = word[name + 1] >= '0' && word[name + 1] <= '9' && end == word + length;
    if (!digits || value < number->least || value > number->most || (number->power && (value & (value - 1))))
        return vkn_fail(VKN_BAD_ARGUMENT, "%s: %.*s, must be %u to %u%s (%s)", source, (int)length, word, number->least,
                        number->most, number->power ? " and a power of two" : "", number->what);
    uint32_t *place = number_in(limits, number);
    *place = (uint32_t)value;
    if (place == &limits->team && limits->team > 0) give_each_team(limits);
    if (place == &limits->widest) vkn_limits_narrow(limits);
    return VKN_OK;
}

// Workgroups are no wider than the device has them, nor than shared memory: 64 bytes an invocation, where most is kept.
static vkn_result check_widths(const vkn_limits *limits, const vkn_device_info *info, const char *source) {
    uint32_t most = info->max_workgroup_invocations;
    if (most > info->max_shared_bytes / 64) most = info->max_shared_bytes / 64;
    const struct {
        const char *name, *of;
        uint32_t value, most;
    } widths[] = {{"widest", "the device has room for", limits->widest, most},
                  {"sums_widest", "the device has room for", limits->sums_widest, most},
                  {"workgroup", "widest is", limits->workgroup, limits->widest},
                  {"lanes", "widest is", limits->lanes, limits->widest}};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; ++i)
        if (widths[i].value > widths[i].most)
            return vkn_fail(VKN_BAD_ARGUMENT, "%s: %s=%u, %s %u", source, widths[i].name, widths[i].value, widths[i].of,
                            widths[i].most);
    return VKN_OK;
}

vkn_result vkn_limits_set(vkn_limits *limits, const vkn_device_info *info, const char *source, const char *text) {
    if (!text || *text == '\0') return VKN_OK;
    size_t kind = strcspn(text, ",");
    bool cpu = is_word(text, kind, "cpu"), named = cpu || is_word(text, kind, "gpu");
    vkn_limits set = named ? vkn_limits_of_kind(info, cpu) : *limits;
    const char *word = named ? text + kind + (text[kind] == ',') : text;
    while (*word) {
        size_t length = strcspn(word, ",");
        vkn_result result = set_number(&set, source, word, length);
        if (result != VKN_OK) return result;
        word += length + (word[length] == ',');
    }
    vkn_result result = check_widths(&set, info, source);
    if (result != VKN_OK) return result;
    if (set.subgroup > set.lanes) set.subgroup = set.lanes;
    *limits = set;
    return VKN_OK;
}

void vkn_limits_write(const vkn_limits *limits, char *text, size_t size) {
    vkn_limits copy = *limits;
    size_t length = (size_t)snprintf(text, size, "%s", limits->cpu ? "cpu" : "gpu");
    for (size_t i = 0; i < NUMBERS && length < size; ++i)
        length +=
            (size_t)snprintf(text + length, size - length, ",%s=%u", numbers[i].name, *number_in(&copy, &numbers[i]));
}
