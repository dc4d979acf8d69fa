// SPDX-License-Identifier: MIT
// Tensors of any dtype. A binding is seen as words of 4, 8 and 16 bytes; with 16-bit storage also as halves.
//
// A word of a tensor is four elements, `apart` from each other. `valid`: how many of them exist; the others read as zero
// and are not written. Words of 16 bits are loaded and stored as 16 bytes where a lane has pairs of them (PAIRED). It
// goes through them in order: word k is the first of a pair where k is even.
#include "dtype.glsl"
#ifdef STORAGE_16BIT
#extension GL_EXT_shader_16bit_storage : require
#define HALVES(access, slot, name) \
    layout(std430, set = 0, binding = slot) access buffer name##_2 { uint16_t name##_halves[]; };
#else
#define HALVES(access, slot, name)
#endif

uint apart = 1u;

struct Access {
    uint element, valid, k;
};

#define TENSOR(access, slot, name, dtype, wide)                                                        \
    layout(std430, set = 0, binding = slot) access buffer name##_4 { uint name##_words[]; };       \
    layout(std430, set = 0, binding = slot) access buffer name##_8 { uvec2 name##_pairs[]; };      \
    layout(std430, set = 0, binding = slot) access buffer name##_16 { uvec4 name##_quads[]; };     \
    HALVES(access, slot, name)                                                                     \
    const uint name##_dtype = dtype;                                                               \
    const bool name##_wide = wide;

// How the words of a tensor are read: `one` of 32 bits, two, or four of them; and four elements that begin anywhere.
#define BUFFER_WORDS(name)                                                                         \
    uint name##_one(uint i) { return name##_words[i]; }                                            \
    uvec2 name##_pair(uint i) { return name##_pairs[i]; }                                          \
    uvec4 name##_quad(uint i) { return name##_quads[i]; }                                          \
    vec4 name##_anywhere(uint e, uint valid) {                                                     \
        if (name##_wide) {                                                                         \
            uvec4 bits = uvec4(0);                                                                 \
            if (valid > 0u) bits.x = name##_words[e];                                              \
            if (valid > 1u) bits.y = name##_words[e + apart];                                      \
            if (valid > 2u) bits.z = name##_words[e + 2u * apart];                                 \
            if (valid > 3u) bits.w = name##_words[e + 3u * apart];                                 \
            return uintBitsToFloat(bits);                                                          \
        }                                                                                          \
        uint odd = e & 1u;                                                                         \
        uvec3 three = uvec3(0);                                                                    \
        if (valid > 0u) three.x = name##_words[e >> 1];                                            \
        if (valid + odd > 2u) three.y = name##_words[(e >> 1) + 1u];                               \
        if (valid + odd > 4u) three.z = name##_words[(e >> 1) + 2u];                               \
        uvec2 pair = odd == 0u ? three.xy : three.xy >> 16 | three.yz << 16;                       \
        return masked(widened(name##_dtype, pair), valid);                                         \
    }

// One word alone; parameters have no other.
#define LOAD_WORD(slot, name)                                                                      \
    BUFFER_WORDS(name)                                                                             \
    WORD_OF(slot, name)
#define WORD_OF(slot, name)                                                                        \
    float name##_at(uint element) {                                                                \
        uint e = origin(slot) + element;                                                           \
        if (name##_wide) return uintBitsToFloat(name##_one(e));                                    \
        vec2 both = widened(name##_dtype, name##_one(e >> 1));                                     \
        return (e & 1u) == 0u ? both.x : both.y;                                                   \
    }                                                                                              \
    vec4 name##_each(uint element, uint valid) {                                                   \
        return name##_anywhere(origin(slot) + element, valid);                                     \
    }                                                                                              \
    vec4 name##_word(uint element, uint valid) {                                                   \
        if (!VECTOR) return name##_each(element, valid);                                           \
        if (!WHOLE && valid == 0u) return vec4(0);                                                 \
        uint word = (origin(slot) + element) >> 2;                                                 \
        if (name##_wide) return uintBitsToFloat(name##_quad(word));                                \
        return widened(name##_dtype, name##_pair(word));                                           \
    }

#define LOAD(slot, name)                                                                           \
    LOAD_WORD(slot, name)                                                                          \
    LOAD_AT(slot, name)
#define LOAD_AT(slot, name)                                                                        \
    uvec4 name##_loaded;                                                                           \
    vec4 name##_load(Access at) {                                                                  \
        if (!PAIRED) return name##_word(at.element, at.valid);                                     \
        if (!WHOLE && at.valid == 0u) return vec4(0);                                              \
        bool first = at.k % 2u == 0u;                                                              \
        if (first) name##_loaded = name##_quad((origin(slot) + at.element) >> 3);                  \
        return widened(name##_dtype, first ? name##_loaded.xy : name##_loaded.zw);                 \
    }

// x and dy: bindings 0 and 1. As a texel buffer a tensor has words of 16 bytes, which some devices load faster. Four
// elements of 32 bits that begin anywhere are in one texel or two; those of 16 bits are not read so.
#ifdef TEXEL_BUFFERS
#define SOURCE(slot, name)                                                                         \
    layout(set = 0, binding = slot, rgba32ui) readonly uniform uimageBuffer name##_texels;         \
    const uint name##_dtype = DTYPE;                                                               \
    const bool name##_wide = WIDE;
#define SOURCE_LOAD(slot, name)                                                                    \
    uvec4 name##_quad(uint i) {                                                                    \
        return imageLoad(name##_texels, int((slot == 0u ? push.texels_x : push.texels_dy) + i));   \
    }                                                                                              \
    uvec2 name##_pair(uint i) {                                                                    \
        uvec4 quad = name##_quad(i >> 1);                                                          \
        return (i & 1u) == 0u ? quad.xy : quad.zw;                                                 \
    }                                                                                              \
    uint name##_one(uint i) { return name##_quad(i >> 2)[i & 3u]; }                                \
    uvec4 name##_four(uint i, uint count) {                                                        \
        uvec4 low = uvec4(0), high = uvec4(0);                                                     \
        if (count > 0u) low = name##_quad(i >> 2);                                                 \
        if ((i & 3u) + count > 4u) high = name##_quad((i >> 2) + 1u);                              \
        if ((i & 1u) != 0u) {                                                                      \
            low = uvec4(low.yzw, high.x);                                                          \
            high.xy = high.yz;                                                                     \
        }                                                                                          \
        return (i & 2u) == 0u ? low : uvec4(low.zw, high.xy);                                      \
    }                                                                                              \
    vec4 name##_anywhere(uint e, uint valid) {                                                     \
        return masked(uintBitsToFloat(name##_four(e, valid)), valid);                              \
    }                                                                                              \
    WORD_OF(slot, name)                                                                            \
    LOAD_AT(slot, name)
#else
#define SOURCE(slot, name) TENSOR(readonly, slot, name, DTYPE, WIDE)
#define SOURCE_LOAD(slot, name) LOAD(slot, name)
#endif

// Elements e to e + valid - 1 of 16 bits, from two words of them.
#ifdef STORAGE_16BIT
#define STORE_HALVES(name)                                                                         \
    void name##_store_halves(uint e, uint valid, uvec2 pair) {                                     \
        if (valid > 0u) name##_halves[e] = uint16_t(pair.x & 0xffffu);                             \
        if (valid > 1u) name##_halves[e + 1u] = uint16_t(pair.x >> 16);                            \
        if (valid > 2u) name##_halves[e + 2u] = uint16_t(pair.y & 0xffffu);                        \
        if (valid > 3u) name##_halves[e + 3u] = uint16_t(pair.y >> 16);                            \
    }
#else
// A word that is wholly ours is stored. Of one that another invocation, or another tensor, may share only our half is
// changed, by atomics, so that neither can lose the other's.
#define STORE_HALVES(name)                                                                         \
    void name##_store_half(uint e, uint bits) {                                                    \
        uint place = (e & 1u) * 16u;                                                               \
        atomicAnd(name##_words[e >> 1], ~(0xffffu << place));                                      \
        atomicOr(name##_words[e >> 1], (bits & 0xffffu) << place);                                 \
    }                                                                                              \
    void name##_store_halves(uint e, uint valid, uvec2 pair) {                                     \
        if ((e & 1u) != 0u && valid > 0u) {                                                        \
            name##_store_half(e, pair.x);                                                          \
            pair = uvec2(pair.x >> 16 | pair.y << 16, pair.y >> 16);                               \
            ++e;                                                                                   \
            --valid;                                                                               \
        }                                                                                          \
        if (valid > 1u) name##_words[e >> 1] = pair.x;                                             \
        if (valid > 3u) name##_words[(e >> 1) + 1u] = pair.y;                                      \
        if ((valid & 1u) != 0u) name##_store_half(e + valid - 1u, valid > 1u ? pair.y : pair.x);   \
    }
#endif

#define STORE(slot, name)                                                                          \
    STORE_HALVES(name)                                                                             \
    uvec2 name##_kept;                                                                             \
    void name##_store(Access at, vec4 v) {                                                         \
        uint e = origin(slot) + at.element, valid = at.valid;                                      \
        if (!name##_wide) {                                                                        \
            uvec2 pair = narrowed(name##_dtype, v);                                                \
            if (!VECTOR) name##_store_halves(e, valid, pair);                                      \
            else if (PAIRED && at.k % 2u == 0u) name##_kept = pair;                                \
            else if (!WHOLE && valid == 0u) return;                                                \
            else if (PAIRED) name##_quads[e >> 3] = uvec4(name##_kept, pair);                      \
            else name##_pairs[e >> 2] = pair;                                                      \
            return;                                                                                \
        }                                                                                          \
        uvec4 bits = floatBitsToUint(v);                                                           \
        if (VECTOR) {                                                                              \
            if (WHOLE || valid > 0u) name##_quads[e >> 2] = bits;                                  \
            return;                                                                                \
        }                                                                                          \
        if (valid > 0u) name##_words[e] = bits.x;                                                  \
        if (valid > 1u) name##_words[e + apart] = bits.y;                                          \
        if (valid > 2u) name##_words[e + 2u * apart] = bits.z;                                     \
        if (valid > 3u) name##_words[e + 3u * apart] = bits.w;                                     \
    }
