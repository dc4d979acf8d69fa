// SPDX-License-Identifier: MIT
// z = xhat * weight + bias; rms has no bias. `precise`, because backward computes z again, and relu must see the same sign.
vec4 affine_map(vec4 xhat, vec4 weight, vec4 bias) {
    precise vec4 z = CENTERED ? fma(xhat, weight, bias) : xhat * weight;
    return z;
}
