// SPDX-License-Identifier: MIT
// f32, f16 and bf16 in 32-bit words. All arithmetic is f32; narrowing rounds to nearest, ties to even, in integers,
// because devices may round packHalf2x16 as they like.
// Two values of 16 bits, the low half first.
vec2 widened(uint dtype, uint word) {
    return dtype == VKN_STORAGE_BF16 ? uintBitsToFloat(uvec2(word << 16, word & 0xffff0000u)) : unpackHalf2x16(word);
}

vec4 widened(uint dtype, uvec2 pair) { return vec4(widened(dtype, pair.x), widened(dtype, pair.y)); }

// bf16 keeps the upper half of f32: half of what is cut off is added first, less 1 where the last bit kept is even.
uvec4 narrowed_to_bf16(uvec4 bits) {
    uvec4 rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return mix(rounded, bits >> 16 | 0x40u, greaterThan(bits & 0x7fffffffu, uvec4(0x7f800000u)));
}

// f16: the same with 13 bits cut off and the exponent moved. Below 2^-14, f16's smallest normal number, the last bit
// counts 2^-24, and adding 0.5 = 2^23 * 2^-24 lets f32's own addition round there.
uvec4 narrowed_to_f16(uvec4 bits) {
    uvec4 magnitude = bits & 0x7fffffffu;
    uvec4 normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    precise vec4 shifted = uintBitsToFloat(magnitude) + 0.5;
    uvec4 result = mix(normal, floatBitsToUint(shifted) - floatBitsToUint(0.5), lessThan(magnitude, uvec4(113u << 23)));
    result = mix(result, uvec4(0x7c00u), greaterThanEqual(magnitude, uvec4(143u << 23)));
    result = mix(result, uvec4(0x7e00u), greaterThan(magnitude, uvec4(0x7f800000u)));
    return result | (bits >> 16 & 0x8000u);
}

// Four values as two words.
uvec2 narrowed(uint dtype, vec4 v) {
    uvec4 bits = floatBitsToUint(v);
    uvec4 half_bits = dtype == VKN_STORAGE_BF16 ? narrowed_to_bf16(bits) : narrowed_to_f16(bits);
    return half_bits.xz | half_bits.yw << 16;
}

// What storing as x is would make of it.
vec4 rounded(vec4 v) { return WIDE ? v : widened(DTYPE, narrowed(DTYPE, v)); }
