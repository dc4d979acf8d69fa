// SPDX-License-Identifier: MIT
// relu: max(z, 0); silu: z * sigmoid(z), sigmoid(z) = 1 / (1 + exp(-z)). Comparisons are such that NaN stays NaN.
vec4 activate(vec4 z) {
    if (ACTIVATION == VKN_ACT_RELU) return mix(z, vec4(0), lessThan(z, vec4(0)));
    if (ACTIVATION == VKN_ACT_SILU) return z / (1.0 + exp(-z));
    return z;
}

// dz = dy * act'(z); silu'(z) = sigmoid(z) * (1 + z * (1 - sigmoid(z))), where 1 - sigmoid(z) = sigmoid(-z).
vec4 activate_grad(vec4 dy, vec4 z) {
    if (ACTIVATION == VKN_ACT_RELU) return mix(dy, vec4(0), lessThanEqual(z, vec4(0)));
    if (ACTIVATION == VKN_ACT_SILU) {
        vec4 power = exp(-abs(z));
        vec4 near = 1.0 / (1.0 + power), far = power * near;
        bvec4 positive = greaterThanEqual(z, vec4(0));
        return dy * (mix(far, near, positive) * (1.0 + z * mix(near, far, positive)));
    }
    return dy;
}
