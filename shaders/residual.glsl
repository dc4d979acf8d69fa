// SPDX-License-Identifier: MIT
// Forward's input: x, or h = x + residual, rounded as it is stored, where the residual comes before the norm.
#define INPUT                                                                                      \
    vec4 input_of(Access at, vec4 x, vec4 residual) {                                              \
        if (RESIDUAL != VKN_ADD_BEFORE) return x;                                                  \
        vec4 h = rounded(x + residual);                                                            \
        h_store(at, h);                                                                            \
        return h;                                                                                  \
    }                                                                                              \
    vec4 input_load(Access at) {                                                                   \
        vec4 x = x_load(at);                                                                       \
        return RESIDUAL == VKN_ADD_BEFORE ? input_of(at, x, residual_load(at)) : x;                \
    }
