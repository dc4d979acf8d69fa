// SPDX-License-Identifier: MIT
// Moments in the rows family: all that a lane holds is of one unit.
#define VALUE float
#include "moments_sum.glsl"
#include "rows.glsl"

vec4 input_load(Access at); // the including shader's

// Lanes of whole blocks have as many elements each.
vec4 combine(vec4 mine, vec4 other, bool first) {
    return WHOLE ? moments_merge_equal(mine, other, first) : moments_merge(mine, other, first);
}

// The block of words that a lane holds, and how many elements of each exist.
vec4 held[BLOCK];
uint held_valid[BLOCK];

void hold(Access at) {
    held_valid[at.k] = at.valid;
    held[at.k] = input_load(at);
}

// Adds the held block: its sum, then the squares around the block's own mean.
void moments_add_held(inout Moments m, float shift) {
    vec4 sum = vec4(0);
    float count = 0.0;
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        if (CENTERED) sum += masked(held[k] - shift, held_valid[k]);
        count += WHOLE ? 4.0 : float(held_valid[k]);
    }
    float total = sum_of(sum), mean = CENTERED ? total / max(count, 1.0) : 0.0;
    vec4 m2 = vec4(0);
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        vec4 deviation = CENTERED ? masked((held[k] - shift) - mean, held_valid[k]) : held[k];
        m2 += deviation * deviation;
    }
    moments_add(m, total, sum_of(m2), count);
}

// The shift of a lane: the median of the first three elements that it holds.
float shift_of_word(vec4 word, uint valid) {
    if (!CENTERED) return 0.0;
    return valid > 2u ? median(word.xxxx, word.yyyy, word.zzzz).x : word.x;
}

// The mean moves into the shift, as far as it has room there, and what rounding leaves of it stays beside it: means then
// merge to more than f32's accuracy, which sums of many elements with the other sign need.
vec4 record_of_lane(Moments m, float shift) {
    float count = max(m.count, 1.0), mean = m.sum / count;
    precise float rest = (fma(-mean, count, m.sum) - m.carry) / count;
    precise float moved = shift + mean;
    precise float back = moved - shift;
    precise float low = (shift - (moved - back)) + (mean - back);
    return vec4(moved, low + rest, m.m2, m.count);
}

// The record of the block that a lane holds.
vec4 moments_of_held() {
    float shift = shift_of_word(held[0], held_valid[0]);
    Moments m = moments_empty();
    moments_add_held(m, shift);
    return record_of_lane(m, shift);
}

// What a lane has of `outers` stretches of `count` elements, one block of words after another: a record.
vec4 moments_of_lane(uint first, uint outers, uint count) {
    float shift = 0.0;
    Moments m = moments_empty();
    uint words = words_in(count);
    Place next = place_first(words);
    for (uint block = 0u; block < outers * words; block += BLOCK * LANES) {
        place_block(next, words);
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) hold(access_at(first, outers, count, k));
        if (block == 0u) shift = shift_of_word(held[0], held_valid[0]);
        moments_add_held(m, shift);
        if (ON_CHIP) break;
    }
    return record_of_lane(m, shift);
}
