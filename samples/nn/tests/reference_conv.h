// SPDX-License-Identifier: MIT
// 2-D convolution in double precision, forward and backward, written from the definition.
#ifndef NN_REFERENCE_CONV_H
#define NN_REFERENCE_CONV_H

#include <stddef.h>

typedef struct reference_conv {
    size_t images, in, out; // channels
    size_t size[2], kernel[2], stride[2], padding[2];
    const double *x, *weight, *bias, *dy; // bias and dy may be NULL
    double *y;                            // each of these may be NULL: then it is not computed. Overwritten
    double *dx, *dweight, *dbias;
} reference_conv;

size_t reference_conv_out_size(const reference_conv *, int axis);
void reference_conv_run(const reference_conv *);

#endif
