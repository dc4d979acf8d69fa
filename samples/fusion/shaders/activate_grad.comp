// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "words.glsl"

// result = a * act'(b): for relu b is y, which has z's sign; for silu it is z
void main() {
    for (uint k = 0, i = first_word(); k < FUSION_WORDS && i < p.words; ++k, i += FUSION_LANES) {
        vec4 dy = read_a(i), z = read_b(i), sigmoid = 1.0 / (1.0 + exp(-z));
        if (p.activation == 1) dy = mix(dy, vec4(0), lessThanEqual(z, vec4(0)));
        if (p.activation == 2) dy *= sigmoid * (1.0 + z * (1.0 - sigmoid));
        write_result(i, dy);
    }
}
