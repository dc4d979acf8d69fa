// SPDX-License-Identifier: MIT
// The two sums of backward, of g and of g * xhat; they carry their rounding errors (Kahan). VALUE: float where the four
// elements of a word are one unit's, vec4 where they are of four.
#include "kahan.glsl"

struct Sums {
    VALUE first, first_carry, second, second_carry;
};

Sums sums_empty() { return Sums(VALUE(0), VALUE(0), VALUE(0), VALUE(0)); }

void sums_add(inout Sums s, VALUE first, VALUE second) {
    kahan_add(s.first, s.first_carry, first);
    kahan_add(s.second, s.second_carry, second);
}
