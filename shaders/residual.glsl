// SPDX-License-Identifier: MIT
// Forward's input: x, or h = x + residual, rounded as it is stored, where the residual comes before the norm.
#define INPUT                                                                                      \
    vec4 input_load(uint element, uint valid) {                                                    \
        vec4 x = x_load(element, valid);                                                           \
        if (RESIDUAL != VKN_ADD_BEFORE) return x;                                                  \
        vec4 h = rounded(x + residual_load(element, valid));                                \
        h_store(element, valid, h);                                                                \
        return h;                                                                                  \
    }
