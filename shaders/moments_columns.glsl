// SPDX-License-Identifier: MIT
// Moments in the columns family: the four elements of a word are of four units. All words have as many positions.
#define VALUE vec4
#include "moments_sum.glsl"

Moments moments[WORDS];
vec4 shifts[WORDS];
vec4 held[POSITIONS * WORDS]; // a block of positions

// Adds the held block of word w, to `count` positions: its sum, then the squares around the block's own mean.
void moments_add_held(uint w, float count) {
    float before = 1.0 / max(count, 1.0), weight = count * float(POSITIONS) / (count + float(POSITIONS));
    vec4 sum = vec4(0), m2 = vec4(0);
    [[unroll]] for (uint k = 0u; k < POSITIONS; ++k)
        if (CENTERED) sum += held[k * WORDS + w] - shifts[w];
    vec4 mean = sum / float(POSITIONS);
    [[unroll]] for (uint k = 0u; k < POSITIONS; ++k) {
        vec4 x = held[k * WORDS + w], deviation = CENTERED ? (x - shifts[w]) - mean : x;
        m2 += deviation * deviation;
    }
    moments_add_weighted(moments[w], mean, sum, m2, before, weight);
}

void moments_add_one(uint w, vec4 x, float count) {
    float before = 1.0 / max(count, 1.0), weight = count / (count + 1.0);
    vec4 value = CENTERED ? x - shifts[w] : x;
    moments_add_weighted(moments[w], value, value, CENTERED ? vec4(0) : value * value, before, weight);
}
