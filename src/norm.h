// SPDX-License-Identifier: MIT
// A checked call becomes a plan, and the plan commands.
#ifndef VKN_NORM_H
#define VKN_NORM_H
#include "recorder.h"

typedef struct vkn_named {
    vkn_operand operand;
    const vkn_tensor *tensor; // may be absent
} vkn_named;
// Plans, where the recorder has not before, and records. The first of the tensors is x, which the geometry and norm are
// of; request.present is found from them.
vkn_result vkn_norm_record(vkn_recorder *, vkn_planner, const vkn_norm *, const vkn_geometry *, vkn_request *,
                           const vkn_named *, size_t count);

// How a call's tensors can be loaded: words of four elements at once, 0 to 2; and whether as texels.
enum { VKN_LOADS_WORDS = 3, VKN_LOADS_TEXELS = 4 };
vkn_limits vkn_norm_limits(const vkn_context *, uint32_t loads);

#endif
