// SPDX-License-Identifier: MIT
// What C and GLSL share of the two elementwise kernels.
#ifndef FUSION_PUSH_H
#define FUSION_PUSH_H

#ifdef VULKAN
#define uint32_t uint
#else
#include <stdint.h>
#endif

#define FUSION_LANES 64
#define FUSION_WORDS 4 // of four elements, that an invocation takes

struct fusion_push {
    uint32_t words;      // elements / 4
    uint32_t add;        // a second tensor is added
    uint32_t activation; // vkn_activation
};

#endif
