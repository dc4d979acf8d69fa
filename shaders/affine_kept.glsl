// SPDX-License-Identifier: MIT
// Weights of each element stay in registers, for all rows of a team: all of them (KEPT), or a block at a time (ROWS).
const bool KEPT = ON_CHIP && BY_ELEMENT;
vec4 kept_weight[BLOCK], kept_bias[BLOCK];

// One branch for all words, and the offset added where a weight is used: loads are on their way together, those of x too.
#define KEEP(kept, name, flag, missing)                                                            \
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) kept[k] = vec4(missing);                          \
    if (has(flag)) {                                                                               \
        [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {                                             \
            uint word = word_of(block, k, lane);                                                   \
            kept[k] = name##_bare(row, element_of(word), valid_in(word, push.run));                \
        }                                                                                          \
    }

void keep_affine(uint unit, uint block, uint lane) {
    uint row = affine_row(unit, 0u);
    KEEP(kept_weight, weight, VKN_HAS_WEIGHT, 1)
    KEEP(kept_bias, bias, VKN_HAS_BIAS, 0)
}

Affine kept_affine(uint k) { return Affine(kept_weight[k] + push.weight_offset, kept_bias[k]); }
