// SPDX-License-Identifier: MIT
// dz = dy * act'(z), z = xhat * weight + bias + residual; written out where the residual's gradient is wanted.
// `added` is the residual, or in shaders that give dx (VKN_ADD_BEFORE) dh. dy is loaded first: what x is needed for takes
// longer.
const bool FROZEN = DX == VKN_DX_FROZEN;
const bool WITH_X = !FROZEN || ACTIVATION != VKN_ACT_NONE;
const bool WITH_RESIDUAL = ACTIVATION != VKN_ACT_NONE && RESIDUAL == VKN_ADD_AFTER;
const bool WITH_ADDED = RESIDUAL == VKN_ADD_BEFORE || WITH_RESIDUAL;
#define GRADIENT                                                                                   \
    vec4 dz_of(Access at, vec4 dy, vec4 residual, vec4 xhat, vec4 weight, vec4 bias) {             \
        vec4 dz = dy;                                                                              \
        if (ACTIVATION != VKN_ACT_NONE) {                                                          \
            vec4 z = affine_map(xhat, weight, bias);                                               \
            if (RESIDUAL == VKN_ADD_AFTER) z += residual;                                          \
            dz = masked(activate_grad(dz, z), at.valid);                                           \
        }                                                                                          \
        if (DRESIDUAL) dresidual_store(at, dz);                                                    \
        return dz;                                                                                 \
    }                                                                                              \
    void load_word(Access at, out vec4 x, out vec4 dy, out vec4 added) {                           \
        x = added = vec4(0);                                                                       \
        dy = dy_load(at);                                                                          \
        if (WITH_X) x = x_load(at);                                                                \
        if (WITH_ADDED) added = added_load(at);                                                    \
    }
