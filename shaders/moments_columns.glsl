// SPDX-License-Identifier: MIT
// Moments in the columns family: the four elements of a word are of four units.
#define VALUE vec4
#include "moments_sum.glsl"

// The block of words that a lane holds.
vec4 held[BLOCK];

// Adds the first `count` words of the held block: their sum, then the squares around the block's own mean.
void moments_add_held(inout Moments m, uint count, vec4 shift) {
    vec4 sum = vec4(0);
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k)
        if (CENTERED) sum += k < count ? held[k] - shift : vec4(0);
    vec4 mean = CENTERED ? sum / float(count) : vec4(0), m2 = vec4(0);
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        vec4 deviation = CENTERED ? (held[k] - shift) - mean : held[k];
        m2 += k < count ? deviation * deviation : vec4(0);
    }
    moments_add(m, sum, m2, float(count));
}
