// SPDX-License-Identifier: MIT
// A block of a lane's words: their places, weights and biases. What words need is loaded for all of a block before one is
// written: since tensors may lie where others do, no driver may do that by itself.
Affine of_unit;
vec4 weights[BLOCK], biases[BLOCK];

Access access_of(Part p, uint k) { return access_at(p.first, p.outer_count, p.run_count, k); }

// The block that begins at `next`, which becomes the place of the next one.
void take_block(Part p, inout Place next, uint words) {
    place_block(next, words);
    if (AFFINE == VKN_AFFINE_UNIT) return;
#define ROW affine_row(p.unit, p.outer_first + at[k].outer)
#define ELEMENT (p.run_first + element_of(at[k].word))
#define VALID valid_at(k, p.outer_count, p.run_count)
    AFFINE_LOAD_BLOCK(weights, weight, VKN_HAS_WEIGHT, 1, ROW, ELEMENT, VALID)
    AFFINE_LOAD_BLOCK(biases, bias, VKN_HAS_BIAS, 0, ROW, ELEMENT, VALID)
}

Affine affine_of(uint k) {
    return AFFINE == VKN_AFFINE_UNIT ? of_unit : Affine(weights[k] + push.weight_offset, biases[k]);
}
