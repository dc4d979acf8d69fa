// SPDX-License-Identifier: MIT
// Forward's input: x, or h = x + residual, rounded as it is stored, where the residual comes before the norm.
#define INPUT                                                                                      \
    vec4 input_load(Access at) {                                                                   \
        vec4 x = x_load(at);                                                                       \
        if (RESIDUAL != VKN_ADD_BEFORE) return x;                                                  \
        vec4 h = rounded(x + residual_load(at));                                                   \
        h_store(at, h);                                                                            \
        return h;                                                                                  \
    }
