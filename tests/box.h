// SPDX-License-Identifier: MIT
// A tensor alone in a buffer of its own, at a chosen element offset, between guard values that nobody may touch.
#ifndef TESTS_BOX_H
#define TESTS_BOX_H

#include <vknorm/vknorm.h>

struct box {
    const char *name;
    vkn_buffer *buffer;
    vkn_tensor tensor;
    uint64_t count;
    size_t lead_bytes, data_bytes, all_bytes;
    unsigned char *before, *after; // the whole buffer, as uploaded and as last downloaded
};

// `data` NULL: filled with guard values, so that an element nobody writes shows as a NaN.
struct box box_make(vkn_context *, const char *name, uint32_t lead, const vkn_tensor *like, const void *data);
// The same from values that are exact in the dtype of `like`, F32, F16 or BF16.
struct box box_make_values(vkn_context *, const char *name, uint32_t lead, const vkn_tensor *like, const float *values);
// A box of one dimension, VKN_F32.
struct box box_make_vector(vkn_context *, const char *name, uint32_t lead, uint64_t count, const float *data);
void box_destroy(struct box *);
// Downloads; the number of faults found (and printed with `label`): guards touched, or, where nothing may have been
// written, data changed.
int box_fetch(struct box *, const char *label, bool written);
const float *box_floats(const struct box *); // the data of a VKN_F32 box, as last downloaded
double *box_doubles(const struct box *);     // a copy of any dtype's; the caller frees

// The number of elements of `got` that are further from `want` than `tolerance`. Where `want` is NaN `got` must be;
// where it is infinite `got` may also be NaN, which an infinity that meets a zero or another infinity on its way
// becomes. Prints the worst one.
int compare(const char *label, const char *name, const float *got, const double *want, uint64_t count,
            double tolerance);
// The same with what a box holds. F16, BF16: what is right within `tolerance` before it is rounded to nearest, ties to
// even, and becomes infinite where that rounding says so. `slack`: more tolerance for each element; may be NULL.
int compare_box(const char *label, const struct box *, const double *want, double tolerance, const double *slack);
// The same for values that are no box's.
int compare_values(const char *label, const char *name, const double *got, const double *want, uint64_t count,
                   double tolerance, const double *slack);
// The largest finite magnitude.
double magnitude(const double *values, uint64_t count);
// 64 units of 2^-23 of a scale: what every output must meet.
double ulps64(double scale);

#endif
