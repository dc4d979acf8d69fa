// SPDX-License-Identifier: MIT
// Moments of one part of four units, columns family: four records an invocation.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "tensor.glsl"
#include "moments_columns.glsl"
#include "columns.glsl"
#include "records.glsl"
#include "residual.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
RECORDS(1)
TENSOR(readonly, 2, residual, DTYPE, WIDE)
TENSOR(, 3, h, DTYPE, WIDE)
LOAD(0, x)
LOAD(2, residual)
STORE(3, h)
INPUT

void main() {
    Columns c = columns_of_invocation();
    vec4 shift = vec4(0);
    Moments m = moments_empty();
    for (uint block = 0u; block < c.count; block += BLOCK) {
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k)
            held[k] = input_load(c.first + (block + k) * c.step, block + k < c.count ? c.valid : 0u);
        if (CENTERED && block == 0u) shift = c.count > 2u ? median(held[0], held[1], held[2]) : held[0];
        moments_add_held(m, min(c.count - block, BLOCK), shift);
    }
    records_store(c, shift, m.sum / max(m.count, 1.0), m.m2, vec4(m.count));
}
