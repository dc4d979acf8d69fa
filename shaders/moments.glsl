// SPDX-License-Identifier: MIT
// Mean and M2 = sum of (x - mean)^2, without ever forming E[x^2] - mean^2.
//
// A record is vec4(shift, mean - shift, M2, count). Records merge by Chan, Golub and LeVeque (1983):
//   delta = mean_b - mean_a,  n = n_a + n_b
//   mean  = mean_a + delta * n_b / n
//   M2    = M2_a + M2_b + delta^2 * n_a * n_b / n
// The shift is the median of three of a lane's data, so that mean - shift has the accuracy of the deviation even where
// mean >> deviation, and no single outlier becomes the shift.
// rms has CENTERED = false: shift and mean stay 0 and M2 is the sum of x^2.
#include "kahan.glsl"

vec4 moments_merge(vec4 a, vec4 b) {
    precise float count = a.w + b.w;
    precise float share = b.w / max(count, 1.0);
    precise float delta = (b.x - a.x) + (b.y - a.y);
    precise float mean = a.y + delta * share;
    precise float m2 = (a.z + b.z) + (delta * delta) * (a.w * share);
    vec4 merged = vec4(a.x, mean, m2, count);
    return b.w == 0.0 ? a : (a.w == 0.0 ? b : merged);
}

// Running moments of x - shift, four independent ones, of which `sum` carries its rounding errors along (Kahan).
struct Moments {
    vec4 sum, carry, m2, count;
};

Moments moments_empty() { return Moments(vec4(0), vec4(0), vec4(0), vec4(0)); }

// Adds `count` values with the sum `sum` and the centred squares `m2`.
void moments_add(inout Moments m, vec4 sum, vec4 m2, vec4 count) {
    if (CENTERED) {
        precise vec4 both = max(m.count + count, vec4(1));
        precise vec4 delta = sum / max(count, vec4(1)) - m.sum / max(m.count, vec4(1));
        precise vec4 spread = delta * delta * (m.count * count / both);
        m.m2 += m2 + spread;
        kahan_add(m.sum, m.carry, sum);
    } else {
        m.m2 += m2;
    }
    m.count += count;
}

// The four as one record.
vec4 moments_record(Moments m, float shift) {
    vec4 mean = m.sum / max(m.count, vec4(1));
    return moments_merge(
        moments_merge(vec4(shift, mean.x, m.m2.x, m.count.x), vec4(shift, mean.y, m.m2.y, m.count.y)),
        moments_merge(vec4(shift, mean.z, m.m2.z, m.count.z), vec4(shift, mean.w, m.m2.w, m.count.w)));
}

vec4 median(vec4 a, vec4 b, vec4 c) { return max(min(a, b), min(max(a, b), c)); }

// The block of words that a lane holds.
vec4 held[BLOCK];

// How many elements of held[k] exist, when `left` do from held[0] on and held[k] lies k * distance elements further.
uint valid_held(int left, uint k, uint distance) { return uint(clamp(left - int(k * distance), 0, 4)); }

// Adds the held block: its sum, then the squares around the block's own mean.
void moments_add_held(inout Moments m, int left, uint distance, vec4 shift) {
    vec4 sum = vec4(0), count = vec4(0);
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        bvec4 mask = valid_mask(valid_held(left, k, distance));
        sum += mix(vec4(0), CENTERED ? held[k] - shift : held[k], mask);
        count += mix(vec4(0), vec4(1), mask);
    }
    vec4 mean = CENTERED ? sum / max(count, vec4(1)) : vec4(0);
    vec4 m2 = vec4(0);
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        bvec4 mask = valid_mask(valid_held(left, k, distance));
        vec4 deviation = mix(vec4(0), (CENTERED ? held[k] - shift : held[k]) - mean, mask);
        m2 += deviation * deviation;
    }
    moments_add(m, sum, m2, count);
}

// The shift of a lane: the median of the first three elements that it holds.
vec4 shift_of_word(vec4 word, uint valid) {
    if (!CENTERED) return vec4(0);
    return valid > 2u ? vec4(median(word.xxxx, word.yyyy, word.zzzz).x) : word.xxxx;
}

// What normalizing needs. mean + low is the mean to twice f32's accuracy; variance is the biased one.
struct Statistics {
    float mean, low, rstd, variance;
};

// `count` is a float, exact to 2^24 and then to 2^-24 of itself, as M2 is.
Statistics statistics_of(vec4 record, float eps) {
    Statistics s;
    precise float mean = record.x + record.y;
    precise float other = mean - record.x;
    precise float low = (record.x - (mean - other)) + (record.y - other);
    s.mean = mean;
    s.low = low;
    s.variance = record.z / max(record.w, 1.0);
    s.rstd = inversesqrt(s.variance + eps);
    return s;
}

#define STATISTICS_STORE(slot, name)                                                               \
    void name##_store(uint group, Statistics s) {                                                  \
        AT(slot, name, group * 4u) = s.mean;                                                       \
        AT(slot, name, group * 4u + 1u) = s.low;                                                   \
        AT(slot, name, group * 4u + 2u) = s.rstd;                                                  \
        AT(slot, name, group * 4u + 3u) = s.variance;                                              \
    }
