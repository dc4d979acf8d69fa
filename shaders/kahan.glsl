// SPDX-License-Identifier: MIT
// Kahan's sum: what rounding leaves over is carried along, so that no sum depends on how many terms it has.
#define KAHAN_ADD(type)                                            \
    void kahan_add(inout type sum, inout type carry, type added) { \
        precise type value = added - carry;                        \
        precise type total = sum + value;                          \
        precise type rest = (total - sum) - value;                 \
        sum = total;                                               \
        carry = rest;                                              \
    }
KAHAN_ADD(float)
KAHAN_ADD(vec2)
KAHAN_ADD(vec4)
