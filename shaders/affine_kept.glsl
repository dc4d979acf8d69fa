// SPDX-License-Identifier: MIT
// Weights of each element stay in registers, for all rows of a team: all of them (KEPT), or a block at a time (ROWS).
const bool KEPT = ON_CHIP && BY_ELEMENT;
vec4 kept_weight[BLOCK], kept_bias[BLOCK];

void keep_affine(uint unit, uint block, uint lane) {
    uint row = AFFINE == VKN_AFFINE_OWN ? affine_row(unit, 0u) : 0u; // rows of a team have the same weights
#define ELEMENT element_of(word_of(block, k, lane))
#define VALID valid_in(word_of(block, k, lane), push.run)
    AFFINE_LOAD_BLOCK(kept_weight, weight, VKN_HAS_WEIGHT, 1, row, ELEMENT, VALID)
    AFFINE_LOAD_BLOCK(kept_bias, bias, VKN_HAS_BIAS, 0, row, ELEMENT, VALID)
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) kept_weight[k] += push.weight_offset;
}

Affine kept_affine(uint k) { return Affine(kept_weight[k], kept_bias[k]); }
