// SPDX-License-Identifier: MIT
// Weights of each element stay in registers, for all rows of a team: all of them (KEPT), or a block at a time (ROWS).
const bool KEPT = ON_CHIP && BY_ELEMENT;
vec4 kept_weight[BLOCK], kept_bias[BLOCK];

void keep_affine(uint unit, uint block, uint lane) {
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        uint word = word_of(block, k, lane);
        Affine affine = affine_at(affine_row(unit, 0u), element_of(word), valid_in(word, push.run));
        kept_weight[k] = affine.weight;
        kept_bias[k] = affine.bias;
    }
}

Affine kept_affine(uint k) { return Affine(kept_weight[k], kept_bias[k]); }
