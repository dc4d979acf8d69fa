// SPDX-License-Identifier: MIT
// Moments of one part of four units, columns family: four records an invocation.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "moments.glsl"
#include "columns.glsl"
#include "records.glsl"

TENSOR(readonly, 0, x)
RECORDS(1)
LOAD(0, x)

void main() {
    Columns c = columns_of_invocation();
    vec4 shift = vec4(0);
    if (CENTERED && c.live)
        shift = median(x_load(c.first, c.valid), x_load(c.first + c.count / 2u * c.step, c.valid),
                       x_load(c.first + (c.count - 1u) * c.step, c.valid));
    Moments m = moments_empty();
    for (uint block = 0u; block < c.count; block += BLOCK) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k)
            held[k] = x_load(c.first + (block + k) * c.step, block + k < c.count ? c.valid : 0u);
        moments_add_held(m, int(c.count - block) * 4, 4u, shift);
    }
    records_store(c, shift, m.sum / max(m.count, vec4(1)), m.m2, m.count);
}
