// SPDX-License-Identifier: MIT
// The matrix product, in f32.
#ifndef NN_MATMUL_H
#define NN_MATMUL_H

#include "tensor.h"

typedef struct nn_matmul_args {
    vkn_tensor a, b, c; // matrices; c [rows][columns] is written
    vkn_tensor bias;    // [columns], or absent
    bool transpose_a;   // a is stored [depth][rows], not [rows][depth]
    bool transpose_b;   // b is stored [columns][depth], not [depth][columns]
} nn_matmul_args;

// c = a b + bias
void nn_matmul(nn_device *, const nn_matmul_args *);

#endif
