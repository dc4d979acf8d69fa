// SPDX-License-Identifier: MIT
// The two sums of backward, of g and of g * xhat, four independent ones each; they carry their rounding errors (Kahan).
#include "kahan.glsl"

struct Sums {
    vec4 first, first_carry, second, second_carry;
};

Sums sums_empty() { return Sums(vec4(0), vec4(0), vec4(0), vec4(0)); }

void sums_add(inout Sums s, vec4 first, vec4 second) {
    kahan_add(s.first, s.first_carry, first);
    kahan_add(s.second, s.second_carry, second);
}

// What a team reduces: both in x and y.
vec4 sums_of(Sums s) {
    return vec4(sum_of(s.first) - sum_of(s.first_carry), sum_of(s.second) - sum_of(s.second_carry), 0, 0);
}
