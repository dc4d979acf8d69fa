// SPDX-License-Identifier: MIT
#include "box.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "half.h"

enum { TAIL_ELEMENTS = 67 };
static const uint32_t guard = 0xfff5fff3; // a NaN, as a float and as two halves of either kind

struct box box_make(vkn_context *context, const char *name, uint32_t lead, const vkn_tensor *like, const void *data) {
    size_t element = dtype_size(like->dtype);
    struct box b = {.name = name, .tensor = *like, .count = vkn_tensor_count(like)};
    b.lead_bytes = lead * element;
    b.data_bytes = b.count * element;
    b.all_bytes = (b.lead_bytes + b.data_bytes + TAIL_ELEMENTS * element + 3) / 4 * 4;
    b.before = malloc(b.all_bytes);
    b.after = malloc(b.all_bytes);
    assert_true(b.before && b.after);
    for (size_t i = 0; i < b.all_bytes; i += sizeof guard)
        memcpy(b.before + i, &guard, sizeof guard);
    if (data && b.data_bytes) memcpy(b.before + b.lead_bytes, data, b.data_bytes);
    if (vkn_buffer_create(context, b.all_bytes, &b.buffer) || vkn_buffer_upload(b.buffer, 0, b.before, b.all_bytes)) {
        fail_msg("%s: %s", name, vkn_error_message());
    }
    b.tensor.buffer = vkn_buffer_handle(b.buffer);
    b.tensor.offset = b.lead_bytes;
    b.tensor.texels = vkn_buffer_texels(b.buffer);
    return b;
}

struct box box_make_values(vkn_context *context, const char *name, uint32_t lead, const vkn_tensor *like,
                           const float *values) {
    if (like->dtype == VKN_F32 || !values) return box_make(context, name, lead, like, values);
    uint64_t count = vkn_tensor_count(like);
    uint16_t *halves = calloc(count + 1, sizeof *halves);
    assert_non_null(halves);
    for (uint64_t i = 0; i < count; i++)
        halves[i] = half_encode(like->dtype, (double)values[i]);
    struct box b = box_make(context, name, lead, like, halves);
    free(halves);
    return b;
}

struct box box_make_vector(vkn_context *context, const char *name, uint32_t lead, uint64_t count, const float *data) {
    vkn_tensor like = {.dtype = VKN_F32, .rank = 1, .shape = {(uint32_t)count}};
    return box_make(context, name, lead, &like, data);
}

void box_destroy(struct box *b) {
    vkn_buffer_destroy(b->buffer);
    free(b->before);
    free(b->after);
    *b = (struct box){0};
}

static int check_bytes(const struct box *b, const char *label, const char *what, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        if (b->before[i] != b->after[i]) {
            print_error("%s: %s: %s changed at byte %zu of the buffer (data at %zu to %zu)\n", label, b->name, what, i,
                        b->lead_bytes, b->lead_bytes + b->data_bytes);
            return 1;
        }
    }
    return 0;
}

int box_fetch(struct box *b, const char *label, bool written) {
    if (vkn_buffer_download(b->buffer, 0, b->after, b->all_bytes)) {
        print_error("%s: %s: %s\n", label, b->name, vkn_error_message());
        return 1;
    }
    size_t end = b->lead_bytes + b->data_bytes;
    int faults = check_bytes(b, label, "what lies before", 0, b->lead_bytes);
    faults += check_bytes(b, label, "what lies behind", end, b->all_bytes);
    if (!written) faults += check_bytes(b, label, "data that is only read", b->lead_bytes, end);
    return faults;
}

const float *box_floats(const struct box *b) {
    return (const float *)(const void *)(b->after + b->lead_bytes);
}

double *box_doubles(const struct box *b) {
    double *values = calloc(b->count + 1, sizeof *values);
    assert_non_null(values);
    const float *floats = box_floats(b);
    const uint16_t *halves = (const uint16_t *)(const void *)(b->after + b->lead_bytes);
    for (uint64_t i = 0; i < b->count; i++)
        values[i] = b->tensor.dtype == VKN_F32 ? (double)floats[i] : half_decode(b->tensor.dtype, halves[i]);
    return values;
}

static bool is_within(vkn_dtype dtype, double got, double want, double tolerance) {
    if (isnan(want)) return isnan(got);
    if (isinf(want)) return !isfinite(got);
    if (dtype == VKN_F32) return fabs(got - want) <= tolerance;
    return dtype_round(dtype, want - tolerance) <= got && got <= dtype_round(dtype, want + tolerance);
}

static int compare_dtype(vkn_dtype dtype, const char *label, const char *name, const double *got, const double *want,
                         uint64_t count, double tolerance, const double *slack) {
    uint64_t worst = 0;
    int bad = 0;
    double worst_error = -1;
    for (uint64_t i = 0; i < count; i++) {
        if (is_within(dtype, got[i], want[i], slack ? tolerance + slack[i] : tolerance)) continue;
        double error = fabs(got[i] - want[i]);
        if (!(error <= worst_error)) worst = i, worst_error = error;
        bad++;
    }
    if (bad) {
        print_error("%s: %s: %d of %llu elements off; [%llu] is %.9g, must be %.9g within %.3g\n", label, name, bad,
                    (unsigned long long)count, (unsigned long long)worst, got[worst], want[worst],
                    slack ? tolerance + slack[worst] : tolerance);
    }
    return bad;
}

int compare_values(const char *label, const char *name, const double *got, const double *want, uint64_t count,
                   double tolerance, const double *slack) {
    return compare_dtype(VKN_F32, label, name, got, want, count, tolerance, slack);
}

int compare(const char *label, const char *name, const float *got, const double *want, uint64_t count,
            double tolerance) {
    double *values = calloc(count + 1, sizeof *values);
    assert_non_null(values);
    for (uint64_t i = 0; i < count; i++)
        values[i] = (double)got[i];
    int bad = compare_dtype(VKN_F32, label, name, values, want, count, tolerance, NULL);
    free(values);
    return bad;
}

int compare_box(const char *label, const struct box *b, const double *want, double tolerance, const double *slack) {
    double *got = box_doubles(b);
    int bad = compare_dtype(b->tensor.dtype, label, b->name, got, want, b->count, tolerance, slack);
    free(got);
    return bad;
}

double magnitude(const double *values, uint64_t count) {
    double largest = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (isfinite(values[i])) largest = fmax(largest, fabs(values[i]));
    }
    return largest;
}

double ulps64(double scale) {
    return 64 * 0x1p-23 * scale;
}
