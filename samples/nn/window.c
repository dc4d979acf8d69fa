// SPDX-License-Identifier: MIT
#include "window.h"

enum { MOST = 1 << 15 };

bool nn_window_check(nn_device *device, const nn_window *window) {
    const struct {
        const char *name;
        const uint32_t *values;
        uint32_t least;
    } fields[] = {{"kernel", window->kernel, 1}, {"stride", window->stride, 1}, {"padding", window->padding, 0}};
    for (int i = 0; i < 3; i++) {
        const uint32_t *values = fields[i].values;
        for (int axis = 0; axis < 2; axis++) {
            if (values[axis] >= fields[i].least && values[axis] <= MOST) continue;
            nn_fail(device, VKN_BAD_ARGUMENT, "%s: %s is %u x %u, each must be %u to %d", window->name, fields[i].name,
                    values[0], values[1], fields[i].least, MOST);
            return false;
        }
    }
    return true;
}

bool nn_window_slide(nn_device *device, const nn_window *window, const uint32_t in[2], uint32_t out[2]) {
    uint64_t padded[2];
    for (int axis = 0; axis < 2; axis++)
        padded[axis] = in[axis] + 2 * (uint64_t)window->padding[axis];
    if (padded[0] < window->kernel[0] || padded[1] < window->kernel[1]) {
        nn_fail(device, VKN_BAD_ARGUMENT,
                "%s: padded input size %llu x %llu, kernel size %u x %u: the kernel can't be greater than the input",
                window->name, (unsigned long long)padded[0], (unsigned long long)padded[1], window->kernel[0],
                window->kernel[1]);
        return false;
    }
    for (int axis = 0; axis < 2; axis++)
        out[axis] = (uint32_t)((padded[axis] - window->kernel[axis]) / window->stride[axis]) + 1;
    return true;
}
