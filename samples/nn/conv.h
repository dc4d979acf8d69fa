// SPDX-License-Identifier: MIT
// 2-D convolution, as torch.nn.Conv2d without groups or dilation.
#ifndef NN_CONV_H
#define NN_CONV_H

#include "module.h"
#include "random.h"

typedef struct nn_conv2d_info {
    uint32_t in, out; // channels
    uint32_t kernel[2], stride[2], padding[2];
    bool bias;
} nn_conv2d_info;

// x [N, in, H, W] to y [N, out, (H + 2 padding - kernel) / stride + 1, ...], rounded down. weight [out, in, kernel] and
// bias [out] start uniform in +-1 / sqrt(in * kernel), as torch.nn.Conv2d's do.
nn_module *nn_conv2d_create(nn_device *, const nn_conv2d_info *, nn_random *);

#endif
