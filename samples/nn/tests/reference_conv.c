// SPDX-License-Identifier: MIT
#include "reference_conv.h"

#include <string.h>

size_t reference_conv_out_size(const reference_conv *c, int axis) {
    return (c->size[axis] + 2 * c->padding[axis] - c->kernel[axis]) / c->stride[axis] + 1;
}

static void clear(double *values, size_t count) {
    if (values) memset(values, 0, count * sizeof *values);
}

static void add(double *values, size_t at, double value) {
    if (values) values[at] += value;
}

// What the pair of channels (i to o) of an image adds, where the window at (row, column) of y is.
static void add_window(const reference_conv *c, size_t at_y, size_t plane, size_t kernel, size_t row, size_t column) {
    const double dy = c->dy ? c->dy[at_y] : 0;
    for (size_t ky = 0; ky < c->kernel[0]; ky++) {
        for (size_t kx = 0; kx < c->kernel[1]; kx++) {
            const size_t padded_row = row * c->stride[0] + ky, padded_column = column * c->stride[1] + kx;
            if (padded_row < c->padding[0] || padded_row >= c->size[0] + c->padding[0]) continue;
            if (padded_column < c->padding[1] || padded_column >= c->size[1] + c->padding[1]) continue;
            const size_t at_x =
                (plane * c->size[0] + padded_row - c->padding[0]) * c->size[1] + padded_column - c->padding[1];
            const size_t at_weight = (kernel * c->kernel[0] + ky) * c->kernel[1] + kx;
            add(c->y, at_y, c->weight[at_weight] * c->x[at_x]);
            add(c->dx, at_x, c->weight[at_weight] * dy);
            add(c->dweight, at_weight, c->x[at_x] * dy);
        }
    }
}

void reference_conv_run(const reference_conv *c) {
    const size_t rows = reference_conv_out_size(c, 0), columns = reference_conv_out_size(c, 1);
    clear(c->y, c->images * c->out * rows * columns);
    clear(c->dx, c->images * c->in * c->size[0] * c->size[1]);
    clear(c->dweight, c->out * c->in * c->kernel[0] * c->kernel[1]);
    clear(c->dbias, c->out);
    for (size_t n = 0; n < c->images; n++) {
        for (size_t at = 0; at < c->out * rows * columns; at++) {
            const size_t o = at / (rows * columns), row = at / columns % rows, column = at % columns;
            const size_t at_y = n * c->out * rows * columns + at;
            for (size_t i = 0; i < c->in; i++)
                add_window(c, at_y, n * c->in + i, o * c->in + i, row, column);
            if (c->bias) add(c->y, at_y, c->bias[o]);
            if (c->dbias) add(c->dbias, o, c->dy[at_y]);
        }
    }
}
