// SPDX-License-Identifier: MIT
// The tests' own f16 and bf16: all 65536 patterns of each, and the points between neighbours.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "half.h"

static const vkn_dtype dtypes[] = {VKN_F16, VKN_BF16};
static const uint32_t infinities[] = {0x7c00, 0x7f80};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

// bf16 is the upper half of an f32.
static double bfloat(uint32_t pattern) {
    float value;
    pattern <<= 16;
    memcpy(&value, &pattern, sizeof value);
    return (double)value;
}

static void all_patterns_return(void **state) {
    (void)state;
    for (int d = 0; d < DTYPES; d++) {
        for (uint32_t p = 0; p < 0x10000; p++) {
            double value = half_decode(dtypes[d], (uint16_t)p);
            assert_int_equal(isnan(value) != 0, (p & 0x7fff) > infinities[d]);
            assert_int_equal(isinf(value) != 0, (p & 0x7fff) == infinities[d]);
            if (isnan(value)) {
                assert_true(isnan(dtype_round(dtypes[d], value)));
            } else {
                assert_int_equal(half_encode(dtypes[d], value), p);
                if (dtypes[d] == VKN_BF16) assert_true(value == bfloat(p));
            }
        }
    }
}

// f16's exponent and mantissa, by the definition, at places that between them fix every bit.
static void known_values(void **state) {
    (void)state;
    static const struct {
        uint16_t pattern;
        double value;
    } f16[] = {
        {0x0000, 0},
        {0x0001, 0x1p-24},
        {0x03ff, 1023 * 0x1p-24},
        {0x0400, 0x1p-14},
        {0x07ff, 2047 * 0x1p-24},
        {0x0800, 0x1p-13},
        {0x3555, 1365. / 4096},
        {0x3bff, 2047. / 2048},
        {0x3c00, 1},
        {0x3c01, 1025. / 1024},
        {0x4248, 3.140625},
        {0x5640, 100},
        {0x7bff, 65504},
        {0xc000, -2},
        {0x8001, -0x1p-24},
    };
    for (size_t i = 0; i < sizeof f16 / sizeof *f16; i++) {
        assert_true(half_decode(VKN_F16, f16[i].pattern) == f16[i].value);
        assert_int_equal(half_encode(VKN_F16, f16[i].value), f16[i].pattern);
    }
    assert_true(signbit(half_decode(VKN_F16, 0x8000)));
    assert_true(dtype_round(VKN_F32, 0.1) == (double)0.1f);
    assert_true(half_rounding(VKN_F16, 1) == 0x1p-11 && half_rounding(VKN_F16, 0) == 0x1p-25);
    assert_true(half_rounding(VKN_BF16, -1.5) == 0x1p-8 && half_rounding(VKN_F32, 1) == 0);
}

// Halfway between two neighbours the even one is taken, and beside it the nearer one. The neighbour above the largest
// number is where the next binade would begin: from halfway there on, all is infinite.
static void ties_go_to_even(void **state) {
    (void)state;
    for (int d = 0; d < DTYPES; d++) {
        for (uint32_t p = 0; p < infinities[d]; p++) {
            double below = half_decode(dtypes[d], (uint16_t)p), above = half_decode(dtypes[d], (uint16_t)(p + 1));
            if (isinf(above)) above = 2 * below - half_decode(dtypes[d], (uint16_t)(p - 1));
            double middle = (below + above) / 2, aside = (above - below) * 0x1p-20;
            assert_true(half_rounding(dtypes[d], middle) == (above - below) / 2);
            for (uint32_t sign = 0; sign < 2; sign++) {
                double s = sign ? -1 : 1;
                assert_int_equal(half_encode(dtypes[d], s * middle), (p + (p & 1)) | sign << 15);
                assert_int_equal(half_encode(dtypes[d], s * (middle - aside)), p | sign << 15);
                assert_int_equal(half_encode(dtypes[d], s * (middle + aside)), (p + 1) | sign << 15);
            }
        }
        assert_int_equal(half_encode(dtypes[d], 1e300), infinities[d]);
        assert_int_equal(half_encode(dtypes[d], (double)-INFINITY), infinities[d] | 0x8000);
    }
    assert_true(isinf(dtype_round(VKN_F16, 65520)) && dtype_round(VKN_F16, 65519.99) == 65504);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_patterns_return),
        cmocka_unit_test(known_values),
        cmocka_unit_test(ties_go_to_even),
    };
    return cmocka_run_group_tests_name("half", tests, NULL, NULL);
}
