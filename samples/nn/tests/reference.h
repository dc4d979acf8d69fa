// SPDX-License-Identifier: MIT
// The operations in double precision, written from their definitions, and sharing nothing with the kernels.
#ifndef NN_REFERENCE_H
#define NN_REFERENCE_H

#include <stddef.h>

// c[rows][columns] = sum over k of a(m, k) b(k, n) + bias[n]; bias may be NULL. size: the sum of absolute values
// instead, which is what rounding errors of c are measured against; may be NULL.
typedef struct reference_product {
    size_t rows, columns, depth;
    int transpose_a, transpose_b;
    const double *a, *b, *bias;
} reference_product;
void reference_matmul(const reference_product *, double *c, double *size);

double reference_sigmoid(double z);
double reference_bce(double logit, double target);       // of one element
double reference_bce_slope(double logit, double target); // its derivative

// Of one row of logits.
double reference_cross_entropy(const double *logits, size_t classes, size_t target);
void reference_cross_entropy_slopes(const double *logits, size_t classes, size_t target, double *slopes);

typedef struct reference_adam {
    double lr, beta1, beta2, eps, weight_decay;
    int t;         // steps taken
    double *m, *v; // zero at first
} reference_adam;
void reference_adam_step(reference_adam *, const double *grad, double *value, size_t count);

typedef struct reference_sgd {
    double lr, momentum, weight_decay;
    double *velocity; // zero at first
} reference_sgd;
void reference_sgd_step(reference_sgd *, const double *grad, double *value, size_t count);

#endif
