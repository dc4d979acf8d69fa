// SPDX-License-Identifier: MIT
// The thread's error message. Every failing path ends in one of these two.
#ifndef VKN_ERROR_H
#define VKN_ERROR_H
#include "vulkan.h"

#if defined(__GNUC__)
#define VKN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define VKN_PRINTF(text, first)
#endif

// Sets the message and returns `result`.
vkn_result vkn_fail(vkn_result result, const char *format, ...) VKN_PRINTF(2, 3);
// Maps a failed VkResult of the Vulkan call `what`, and says so in the message.
vkn_result vkn_fail_vulkan(VkResult result, const char *what);

#endif
