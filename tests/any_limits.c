// SPDX-License-Identifier: MIT
#include "any_limits.h"

#include <stdio.h>
#include <string.h>

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most) {
    return value < least ? least : value > most ? most : value;
}

void any_limits(const vkn_device_info *info, uint32_t seed, char *text, size_t size) {
    static const struct {
        const char *name;
        uint32_t least, most;
    } numbers[] = {
#define X(name, least, most, power, what) {#name, least, most},
        VKN_NUMBERS(X)
#undef X
    };
    uint32_t widest = 1, state = seed;
    while (widest * 2 <= info->max_workgroup_invocations && widest * 2 <= info->max_shared_bytes / 64)
        widest *= 2;
    size_t length = (size_t)snprintf(text, size, "%s", seed % 2 ? "cpu" : "gpu");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const bool is_width = numbers[i].most == VKN_LANES_MOST;
        const uint32_t most = is_width ? widest : numbers[i].most;
        uint32_t steps = 1;
        while (most >> steps)
            steps++;
        const uint32_t value = clamp(1u << next_random(&state) % steps, numbers[i].least, most);
        const bool is_widest = strcmp(numbers[i].name, "widest") == 0; // the first: others are at most as wide
        if (next_random(&state) % 2 && !is_widest) continue;
        length += (size_t)snprintf(text + length, size - length, ",%s=%u", numbers[i].name, value);
        if (is_widest) widest = value;
    }
}
