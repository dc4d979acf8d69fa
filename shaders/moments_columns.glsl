// SPDX-License-Identifier: MIT
// Moments in the columns family: the four elements of a word are of four units. All words have as many positions.
#define VALUE vec4
#include "moments_sum.glsl"

vec4 input_load(Access at); // the including shader's

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

// The one value is its own mean; where it is infinite that leaves NaN, as of the variance it must.
void moments_add_one(uint w, vec4 x, float count) {
    float before = 1.0 / max(count, 1.0), weight = count / (count + 1.0);
    vec4 value = CENTERED ? x - shifts[w] : x;
    precise vec4 deviation = CENTERED ? value - value : value;
    moments_add_weighted(moments[w], value, value, deviation * deviation, before, weight);
}

// The moments of the lane's positions.
void moments_of_lane(Columns c) {
    [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
        shifts[w] = vec4(0);
        moments[w] = moments_empty();
    }
    uint k = 0u;
    for (; k + POSITIONS <= c.count; k += POSITIONS) {
        [[unroll]] for (uint i = 0u; i < POSITIONS; ++i)
            [[unroll]] for (uint w = 0u; w < WORDS; ++w)
                held[i * WORDS + w] = input_load(access_of(c, k + i, w));
        [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
            if (CENTERED && k == 0u)
                shifts[w] = median(held[w], held[POSITIONS / 2u * WORDS + w], held[(POSITIONS - 1u) * WORDS + w]);
            moments_add_held(w, float(k));
        }
    }
    if (POSITIONS == 1u) return; // none is left
    for (; k < c.count; ++k) {
        [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
            vec4 x = input_load(access_of(c, k, w));
            if (CENTERED && k == 0u) shifts[w] = x;
            moments_add_one(w, x, float(k));
        }
    }
}

vec4 combine(vec4 mine, vec4 other, bool first) { return moments_merge(mine, other, first); }

// The record of the team's positions, of one column of word w.
vec4 moments_of_team(Columns c, uint w, uint column) {
    float count = float(c.count), mean = moments[w].sum[column] / max(count, 1.0);
    return team_reduce(vec4(shifts[w][column], mean, moments[w].m2[column], count), column & 1u);
}
