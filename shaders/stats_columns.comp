// SPDX-License-Identifier: MIT
// Moments of one part of four units, columns family: four records an invocation.
#version 450
#define PUSH vkn_columns_push
#include "common.glsl"
#include "tensor.glsl"
#include "columns.glsl"
#include "moments_columns.glsl"
#include "records.glsl"
#include "residual.glsl"

TENSOR(readonly, 0, x, DTYPE, WIDE)
MOMENTS_RECORDS(1)
TENSOR(readonly, 2, residual, DTYPE, WIDE)
TENSOR(, 3, h, DTYPE, WIDE)
LOAD(0, x)
LOAD(2, residual)
STORE(3, h)
INPUT

void main() {
    Columns c = columns_of_invocation();
    Word words[WORDS];
    [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
        words[w] = word_of(c, w);
        shifts[w] = vec4(0);
        moments[w] = moments_empty();
    }
    uint k = 0u;
    for (; k + POSITIONS <= c.count; k += POSITIONS) {
        [[unroll]] for (uint i = 0u; i < POSITIONS; ++i)
            [[unroll]] for (uint w = 0u; w < WORDS; ++w)
                held[i * WORDS + w] = input_load(Access(c.first + (k + i) * c.step + words[w].column, words[w].valid, w));
        [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
            if (CENTERED && k == 0u)
                shifts[w] = median(held[w], held[POSITIONS / 2u * WORDS + w], held[(POSITIONS - 1u) * WORDS + w]);
            moments_add_held(w, float(k));
        }
    }
    for (; k < c.count; ++k) {
        [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
            vec4 x = input_load(Access(c.first + k * c.step + words[w].column, words[w].valid, w));
            if (CENTERED && k == 0u) shifts[w] = x;
            moments_add_one(w, x, float(k));
        }
    }
    float count = float(c.count);
    [[unroll]] for (uint w = 0u; w < WORDS; ++w)
        moments_store(c, words[w], shifts[w], moments[w].sum / max(count, 1.0), moments[w].m2, count);
}
