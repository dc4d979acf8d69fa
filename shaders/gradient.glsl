// SPDX-License-Identifier: MIT
// dz = dy * act'(z), z = xhat * weight + bias + residual; written out where the residual's gradient is wanted.
// `added` is the residual, or in shaders that give dx (VKN_ADD_BEFORE) dh.
#define GRADIENT                                                                                   \
    vec4 dz_load(Access at, vec4 xhat, vec4 weight, vec4 bias) {                                   \
        vec4 dz = dy_load(at);                                                                     \
        if (ACTIVATION != VKN_ACT_NONE) {                                                          \
            vec4 z = affine_map(xhat, weight, bias);                                               \
            if (RESIDUAL == VKN_ADD_AFTER) z += added_load(at);                                    \
            dz = masked(activate_grad(dz, z), at.valid);                                           \
        }                                                                                          \
        if (DRESIDUAL) dresidual_store(at, dz);                                                    \
        return dz;                                                                                 \
    }
