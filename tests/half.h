// SPDX-License-Identifier: MIT
// f16 and bf16 to and from double, rounded to nearest, ties to even: what the library's 16-bit tensors must hold.
#ifndef TESTS_HALF_H
#define TESTS_HALF_H

#include <stddef.h>
#include <stdint.h>

#include <vknorm/vknorm.h>

uint16_t half_encode(vkn_dtype, double);
double half_decode(vkn_dtype, uint16_t);
// What storing a value in a tensor of VKN_F32, VKN_F16 or VKN_BF16 leaves of it.
double dtype_round(vkn_dtype, double);
// Half a unit in the last place at a finite value: what rounding it may cost. 0 for VKN_F32.
double half_rounding(vkn_dtype, double);
size_t dtype_size(vkn_dtype);

#endif
