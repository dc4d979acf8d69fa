// SPDX-License-Identifier: MIT
// weight and bias in the rows family, at bindings 2 and 3: of the unit, of each outer, of each element, or of each span
// of elements of the row.
#include "affine.glsl"

TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
LOAD_WORD(2, weight)
LOAD_WORD(3, bias)

const bool BY_ELEMENT = AFFINE == VKN_AFFINE_ELEMENT || AFFINE == VKN_AFFINE_OWN;

uint affine_row(uint unit, uint outer) {
    return (unit / push.affine_share - push.affine_first) % push.affine_period + outer * push.affine_outer;
}

// element / affine_span. Devices divide integers slowly; a float's quotient is one off at most, below 2^22.
uint span_of(uint element) {
    uint span = push.affine_span, quotient = uint(float(element) / float(span));
    int rest = int(element - quotient * span);
    return rest < 0 ? quotient - 1u : (uint(rest) >= span ? quotient + 1u : quotient);
}

// `bare`: of those that are there, without the offset. It is added outside the branch, in which nothing then waits for
// what it loads.
#define AFFINE_LOAD(name, flag, missing, offset)                                                   \
    vec4 name##_bare(uint row, uint element, uint valid) {                                         \
        uint first = row * push.affine_stride;                                                     \
        if (BY_ELEMENT) return name##_word(first + element, valid);                                \
        if (AFFINE == VKN_AFFINE_UNIT || AFFINE == VKN_AFFINE_OUTER) return vec4(name##_at(first)); \
        float v = name##_at(first + span_of(element));                                             \
        if (AFFINE == VKN_AFFINE_BLOCK || (VECTOR && push.affine_span % 4u == 0u)) return vec4(v);  \
        vec4 all = vec4(v);                                                                        \
        [[unroll]] for (uint k = 1u; k < 4u; ++k)                                                  \
            if (k < valid) all[k] = name##_at(first + span_of(element + k * apart));               \
        return all;                                                                                \
    }                                                                                              \
    vec4 name##_of(uint row, uint element, uint valid) {                                           \
        vec4 v = vec4(missing);                                                                    \
        if (has(flag)) v = name##_bare(row, element, valid);                                       \
        return v + offset;                                                                         \
    }
AFFINE_LOAD(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
AFFINE_LOAD(bias, VKN_HAS_BIAS, 0, 0)

// Of a block of words k: one branch for all of them, so that the loads are on their way together, those of x too.
#define AFFINE_LOAD_BLOCK(all, name, flag, missing, row, element, valid)                           \
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) all[k] = vec4(missing);                           \
    if (has(flag)) {                                                                               \
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) all[k] = name##_bare(row, element, valid);    \
    }

struct Affine {
    vec4 weight, bias;
};

Affine affine_at(uint row, uint element, uint valid) {
    return Affine(weight_of(row, element, valid), bias_of(row, element, valid));
}

// What holds for the whole unit, or for a block of words, is read once.
Affine affine_of_unit(uint unit) {
    if (AFFINE == VKN_AFFINE_UNIT) return affine_at(affine_row(unit, 0u), 0u, 4u);
    return Affine(vec4(1), vec4(0));
}

void affine_of_block(inout Affine affine, uint row, uint element) {
    if (AFFINE == VKN_AFFINE_BLOCK) affine = affine_at(row, element, 4u);
}

void affine_of_word(inout Affine affine, uint row, uint element, uint valid) {
    if (AFFINE != VKN_AFFINE_UNIT && AFFINE != VKN_AFFINE_BLOCK) affine = affine_at(row, element, valid);
}
