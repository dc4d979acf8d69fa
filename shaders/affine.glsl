// SPDX-License-Identifier: MIT
// weight and bias of a word of a row: of the unit, of each element, or of each span of elements.
uint affine_index(uint unit, uint element) {
    uint first = unit % push.period;
    return AFFINE == VKN_AFFINE_SPAN ? first * (push.run / push.span) + element / push.span : first;
}

#define AFFINE_LOAD(slot, name, flag, missing)                                                      \
    vec4 name##_of(uint unit, uint element, uint valid) {                                           \
        if (!has(flag)) return vec4(missing);                                                       \
        if (AFFINE == VKN_AFFINE_ELEMENT) return name##_load(element, valid);                       \
        float v = AT(slot, name, affine_index(unit, element));                                      \
        if (AFFINE == VKN_AFFINE_UNIT || VECTOR && push.span % 4u == 0u) return vec4(v);            \
        return vec4(v, AT(slot, name, affine_index(unit, element + min(1u, max(valid, 1u) - 1u))),  \
                    AT(slot, name, affine_index(unit, element + min(2u, max(valid, 1u) - 1u))),     \
                    AT(slot, name, affine_index(unit, element + min(3u, max(valid, 1u) - 1u))));    \
    }
