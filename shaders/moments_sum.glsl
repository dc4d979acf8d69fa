// SPDX-License-Identifier: MIT
// Running moments of x - shift. VALUE: float where the four elements of a word are one unit's, vec4 where they are of
// four. `sum` carries its rounding errors along (Kahan).
#include "moments.glsl"

struct Moments {
    VALUE sum, carry, m2;
    float count; // of each
};

Moments moments_empty() { return Moments(VALUE(0), VALUE(0), VALUE(0), 0.0); }

// Adds `count` values with the sum `sum` and the centred squares `m2`.
void moments_add(inout Moments m, VALUE sum, VALUE m2, float count) {
    if (CENTERED) {
        float before = 1.0 / max(m.count, 1.0), added = 1.0 / max(count, 1.0);
        float weight = m.count * count / max(m.count + count, 1.0);
        precise VALUE delta = sum * added - m.sum * before;
        precise VALUE spread = delta * delta * weight;
        m.m2 += m2 + spread;
        kahan_add(m.sum, m.carry, sum);
    } else {
        m.m2 += m2;
    }
    m.count += count;
}
