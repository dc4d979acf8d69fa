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

// A batch [outer][inner] of matrices inside a tensor, in elements.
typedef struct nn_batch {
    vkn_tensor tensor;
    uint32_t first, pitch; // where the first matrix begins; from a row to the next
    uint32_t outer, inner; // from a matrix to the next of either dimension of the batch
} nn_batch;

typedef struct nn_batched_matmul_args {
    uint32_t outer, inner;         // products
    uint32_t rows, columns, depth; // of each: c is rows x columns, and each element a sum of depth products
    nn_batch a, b, c;
    vkn_tensor bias;               // of all, or absent
    bool transpose_a, transpose_b; // as in nn_matmul_args
} nn_batched_matmul_args;

// The same for each matrix of the batch. Those of c must not overlap.
void nn_batched_matmul(nn_device *, const nn_batched_matmul_args *);

#endif
