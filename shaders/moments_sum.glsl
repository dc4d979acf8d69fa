// SPDX-License-Identifier: MIT
// Running moments of x - shift. VALUE: float where the four elements of a word are one unit's, vec4 where they are of
// four. `sum` carries its rounding errors along (Kahan).
#include "moments.glsl"

struct Moments {
    VALUE sum, carry, m2;
    float count; // of each
};

Moments moments_empty() { return Moments(VALUE(0), VALUE(0), VALUE(0), 0.0); }

// Adds values with the mean `mean`, the sum `sum` and the centred squares `m2`. `before`: 1 / count of those that are
// there; `weight`: count * added / (count + added).
void moments_add_weighted(inout Moments m, VALUE mean, VALUE sum, VALUE m2, float before, float weight) {
    if (CENTERED) {
        precise VALUE delta = mean - m.sum * before;
        precise VALUE spread = delta * delta * weight;
        m.m2 += m2 + spread;
        kahan_add(m.sum, m.carry, sum);
    } else {
        m.m2 += m2;
    }
}

// Adds `count` values with the sum `sum` and the centred squares `m2`.
void moments_add(inout Moments m, VALUE sum, VALUE m2, float count) {
    float before = 1.0 / max(m.count, 1.0), added = 1.0 / max(count, 1.0);
    float weight = m.count * count / max(m.count + count, 1.0);
    moments_add_weighted(m, sum * added, sum, m2, before, weight);
    m.count += count;
}
