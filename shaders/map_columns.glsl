// SPDX-License-Identifier: MIT
// y = act((x - mean) * rstd * weight + bias + residual) of a lane's positions, columns family. What is the same for all
// positions of a word is read once.
TENSOR(readonly, 2, weight, PARAMETER, WIDE_PARAMETER)
TENSOR(readonly, 3, bias, PARAMETER, WIDE_PARAMETER)
LOAD_WORD(2, weight)
LOAD_WORD(3, bias)
COLUMN_AFFINE(weight, VKN_HAS_WEIGHT, 1, push.weight_offset)
COLUMN_AFFINE(bias, VKN_HAS_BIAS, 0, 0)

ColumnNormalizers normalizers[WORDS];
vec4 weights[WORDS], biases[WORDS];

vec4 normalized_input(Access at); // the including shader's: x, or h

void map_columns(Columns c) {
    ONCE_A_WORD(weights[w] = weight_columns(word_of(c, w)))
    ONCE_A_WORD(biases[w] = bias_columns(word_of(c, w)))
    for (uint k = 0u; k < c.count; ++k) {
        [[unroll]] for (uint w = 0u; w < WORDS; ++w) {
            Access at = access_of(c, k, w);
            vec4 z = affine_map(normalize_columns(normalizers[w], normalized_input(at)), weights[w], biases[w]);
            if (RESIDUAL == VKN_ADD_AFTER) z += residual_load(at);
            y_store(at, activate(z));
        }
    }
}
