// SPDX-License-Identifier: MIT
#include "half.h"

#include <math.h>
#include <stdbool.h>

struct format {
    int exponent_bits, mantissa_bits;
};
static const struct format formats[] = {[VKN_F16] = {5, 10}, [VKN_BF16] = {8, 7}};

static int smallest_exponent(const struct format *f) {
    return 2 - (1 << (f->exponent_bits - 1));
}

// The exponent of the last place at a finite magnitude: of its own binade, or of the subnormals.
static int last_place(const struct format *f, double magnitude) {
    int smallest = smallest_exponent(f), exponent = magnitude > 0 ? ilogb(magnitude) : smallest;
    return (exponent > smallest ? exponent : smallest) - f->mantissa_bits;
}

uint16_t half_encode(vkn_dtype dtype, double value) {
    const struct format *f = &formats[dtype];
    uint32_t infinity = ((1u << f->exponent_bits) - 1) << f->mantissa_bits, bits;
    if (isnan(value)) {
        bits = infinity | 1u << (f->mantissa_bits - 1);
    } else if (isinf(value)) {
        bits = infinity;
    } else {
        // Units of the last place, in the default rounding mode; a carry runs on into the exponent's bits.
        int place = last_place(f, fabs(value)), binade = place + f->mantissa_bits - smallest_exponent(f);
        double units = nearbyint(ldexp(fabs(value), -place));
        double all = ldexp(binade, f->mantissa_bits) + units;
        bits = all < (double)infinity ? (uint32_t)all : infinity;
    }
    return (uint16_t)(bits | (signbit(value) ? 0x8000u : 0));
}

double half_decode(vkn_dtype dtype, uint16_t bits) {
    const struct format *f = &formats[dtype];
    uint32_t mantissa = (uint32_t)bits & ((1u << f->mantissa_bits) - 1), all_ones = (1u << f->exponent_bits) - 1;
    uint32_t exponent = (uint32_t)bits >> f->mantissa_bits & all_ones;
    double magnitude = NAN;
    if (exponent < all_ones) {
        uint32_t units = exponent ? mantissa | 1u << f->mantissa_bits : mantissa, binade = exponent ? exponent - 1 : 0;
        magnitude = ldexp(units, (int)binade + smallest_exponent(f) - f->mantissa_bits);
    } else if (mantissa == 0) {
        magnitude = INFINITY;
    }
    return bits & 0x8000u ? -magnitude : magnitude;
}

double dtype_round(vkn_dtype dtype, double value) {
    return dtype == VKN_F32 ? (double)(float)value : half_decode(dtype, half_encode(dtype, value));
}

double half_rounding(vkn_dtype dtype, double value) {
    return dtype == VKN_F32 ? 0 : ldexp(0.5, last_place(&formats[dtype], fabs(value)));
}

size_t dtype_size(vkn_dtype dtype) {
    static const size_t sizes[] = {[VKN_F32] = 4, [VKN_F16] = 2, [VKN_BF16] = 2, [VKN_I64] = 8};
    return sizes[dtype];
}
