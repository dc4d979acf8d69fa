// SPDX-License-Identifier: MIT
// A window that slides over images: that of convolutions and of pooling.
#ifndef NN_WINDOW_H
#define NN_WINDOW_H

#include "device.h"

typedef struct nn_window {
    const char *name;                          // of the operation, for messages
    const uint32_t *kernel, *stride, *padding; // two each: down and across
} nn_window;

// Whether kernel and stride are at least 1, and everything is small enough to count with; if not, the device knows.
bool nn_window_check(nn_device *, const nn_window *);
// Where a window that passed the check fits: out[i] = (in[i] + 2 padding - kernel) / stride + 1, rounded down. False
// where the kernel is larger than the padded image; the device knows.
bool nn_window_slide(nn_device *, const nn_window *, const uint32_t in[2], uint32_t out[2]);

#endif
