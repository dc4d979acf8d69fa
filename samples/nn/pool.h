// SPDX-License-Identifier: MIT
// Pooling, and what stands between images and rows: from [N, C, H, W] to something smaller.
#ifndef NN_POOL_H
#define NN_POOL_H

#include "module.h"

// As torch.nn.MaxPool2d: the largest of each window, and NaN where there is one; places in the padding do not count.
// Each padding is at most half of its kernel. A gradient goes to the window's first largest element.
typedef struct nn_max_pool2d_info {
    uint32_t kernel[2], stride[2], padding[2];
} nn_max_pool2d_info;
nn_module *nn_max_pool2d_create(nn_device *, const nn_max_pool2d_info *);

// As torch.nn.AdaptiveAvgPool2d(1): the mean of each channel, [N, C, 1, 1].
nn_module *nn_average_pool_create(nn_device *);

// As torch.nn.Flatten: [N, ...] to [N, all of it], a view.
nn_module *nn_flatten_create(nn_device *);

#endif
