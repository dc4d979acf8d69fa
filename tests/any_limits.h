// SPDX-License-Identifier: MIT
// Numbers that nobody would choose, in the form of vkn_context_info.limits: half of those there are, each a power of
// two between its least and its most, as far as the device has them. Repeatable by `seed`.
#ifndef TESTS_ANY_LIMITS_H
#define TESTS_ANY_LIMITS_H

#include "limits.h"

void any_limits(const vkn_device_info *, uint32_t seed, char *text, size_t size);

#endif
