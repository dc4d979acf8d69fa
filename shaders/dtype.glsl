// SPDX-License-Identifier: MIT
// f32, f16 and bf16 in 32-bit words. All arithmetic is f32; narrowing rounds to nearest, ties to even.
// Two values of 16 bits, the low half first.
vec2 widened(uint dtype, uint word) {
    return dtype == VKN_STORAGE_BF16 ? uintBitsToFloat(uvec2(word << 16, word & 0xffff0000u)) : unpackHalf2x16(word);
}

vec4 widened(uint dtype, uvec2 pair) { return vec4(widened(dtype, pair.x), widened(dtype, pair.y)); }

// bf16 is the upper half of f32: half of what is cut off is added first, less 1 where the last bit kept is even.
uvec2 narrowed_to_bf16(vec4 v) {
    uvec4 bits = floatBitsToUint(v);
    uvec4 rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    rounded = mix(rounded, uvec4(0x7fc00000u), greaterThan(bits & 0x7fffffffu, uvec4(0x7f800000u)));
    return rounded.xz >> 16 | rounded.yw & 0xffff0000u;
}

// f16: devices may round packHalf2x16 as they like. In 2^(e + 13) + |v|, e being v's exponent, the last bit counts
// 2^(e - 10), as f16's does; below 2^-14, its smallest normal number, 2^-24. So f32's addition rounds, and the sum's bits
// are those of 2^(e + 13) and f16's mantissa with its leading 1. All of 2^16 and more is infinite.
uvec2 narrowed_to_f16(vec4 v) {
    uvec4 bits = floatBitsToUint(v), magnitude = bits & 0x7fffffffu;
    uvec4 exponent = clamp(bits & 0x7f800000u, uvec4(113u << 23), uvec4(143u << 23));
    uvec4 large = exponent + (13u << 23);
    precise vec4 sum = abs(v) + uintBitsToFloat(large);
    uvec4 result = min(floatBitsToUint(sum) - large + (exponent >> 13) - (113u << 10), uvec4(0x7c00u));
    result = mix(result, uvec4(0x7e00u), greaterThan(magnitude, uvec4(0x7f800000u)));
    result |= bits >> 16 & 0x8000u;
    return result.xz | result.yw << 16;
}

// Four values as two words.
uvec2 narrowed(uint dtype, vec4 v) {
    return dtype == VKN_STORAGE_BF16 ? narrowed_to_bf16(v) : narrowed_to_f16(v);
}

// What storing as x is would make of it.
vec4 rounded(vec4 v) { return WIDE ? v : widened(DTYPE, narrowed(DTYPE, v)); }
