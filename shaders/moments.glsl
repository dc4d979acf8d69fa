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

// `first`: mine comes before the other's. Whoever merges, the result is the same bits.
vec4 moments_merge(vec4 mine, vec4 other, bool first) {
    vec4 a = first ? mine : other, b = first ? other : mine;
    precise float count = a.w + b.w;
    precise float share = b.w / max(count, 1.0);
    precise float delta = (b.x - a.x) + (b.y - a.y);
    precise float mean = a.y + delta * share;
    precise float m2 = (a.z + b.z) + (delta * delta) * (a.w * share);
    vec4 merged = b.w == 0.0 ? a : (a.w == 0.0 ? b : vec4(a.x, mean, m2, count));
    return CENTERED ? merged : vec4(0, 0, mine.z + other.z, mine.w + other.w);
}

// The same of as many elements each.
vec4 moments_merge_equal(vec4 mine, vec4 other, bool first) {
    precise float delta = (other.x - mine.x) + (other.y - mine.y);
    precise float half_delta = 0.5 * delta;
    precise float mean = first ? mine.y + half_delta : other.y - half_delta;
    precise float m2 = (mine.z + other.z) + (delta * delta) * (0.5 * mine.w);
    vec4 merged = vec4(first ? mine.x : other.x, mean, m2, 2.0 * mine.w);
    return CENTERED ? merged : vec4(0, 0, mine.z + other.z, 2.0 * mine.w);
}

vec4 median(vec4 a, vec4 b, vec4 c) { return max(min(a, b), min(max(a, b), c)); }

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
