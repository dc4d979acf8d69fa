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

// The including shader's: what the norm's input is made of, and that.
vec4 source_load(Access at);
vec4 normalized_input(Access at, vec4 source, vec4 residual);

vec4 sources[POSITIONS * WORDS], residuals[POSITIONS * WORDS];

void write_word(Access at, uint w, vec4 source, vec4 residual) {
    vec4 xhat = normalize_columns(normalizers[w], normalized_input(at, source, residual));
    vec4 z = affine_map(xhat, weights[w], biases[w]);
    if (RESIDUAL == VKN_ADD_AFTER) z += residual;
    y_store(at, activate(z));
}

void load_word(Access at, out vec4 source, out vec4 residual) {
    source = source_load(at);
    residual = vec4(0);
    if (WITH_RESIDUAL) residual = residual_load(at);
}

void map_word(Access at, uint w) {
    vec4 source, residual;
    load_word(at, source, residual);
    write_word(at, w, source, residual);
}

void map_columns(Columns c) {
    ONCE_A_WORD(weights[w] = weight_columns(word_of(c, w)))
    ONCE_A_WORD(biases[w] = bias_columns(word_of(c, w)))
    for (uint k = 0u; k < c.count; k += POSITIONS) {
        if (POSITIONS == 1u) {
            [[unroll]] for (uint w = 0u; w < WORDS; ++w) map_word(access_of(c, k, w), w);
        } else {
            [[unroll]] for (uint n = 0u; n < POSITIONS * WORDS; ++n)
                load_word(access_ahead(c, k, n), sources[n], residuals[n]);
            [[unroll]] for (uint n = 0u; n < POSITIONS * WORDS; ++n)
                write_word(access_ahead(c, k, n), n % WORDS, sources[n], residuals[n]);
        }
    }
}
