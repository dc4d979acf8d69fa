// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "words.glsl"

// result = act(a + b), or act(a)
void main() {
    for (uint k = 0, i = first_word(); k < FUSION_WORDS && i < p.words; ++k, i += FUSION_LANES) {
        vec4 z = read_a(i);
        if (p.add != 0) z += read_b(i);
        if (p.activation == 1) z = max(z, vec4(0));
        if (p.activation == 2) z = z / (1.0 + exp(-z));
        write_result(i, z);
    }
}
