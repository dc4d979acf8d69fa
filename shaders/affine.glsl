// SPDX-License-Identifier: MIT
// z = xhat * weight + bias. `precise`, because backward computes z again, and relu must see the same sign.
vec4 affine_map(vec4 xhat, vec4 weight, vec4 bias) {
    precise vec4 scaled = xhat * weight;
    precise vec4 z = scaled + bias;
    return z;
}
