// SPDX-License-Identifier: MIT
#include "digits.h"

#include <math.h>

#include "csv.h"
#include "say.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, DIGITS = 10 };

// The file's pixel at `position` of one axis of the image: two neighbours and the second one's weight, with the centres
// of pixels at .5 of their side, as torch.nn.functional.interpolate(mode="bilinear") has it.
typedef struct sample {
    uint32_t low, high;
    float weight;
} sample;

static sample sample_at(uint32_t position, uint32_t size) {
    const float at = fmaxf(((float)position + 0.5f) * SIDE / (float)size - 0.5f, 0.0f);
    const uint32_t low = (uint32_t)at;
    return (sample){low, low + 1 < SIDE ? low + 1 : low, at - (float)low};
}

static float mix(float a, float b, float weight) {
    return a + (b - a) * weight;
}

static void draw_image(const float *pixels, const training_digits_info *info, float *image) {
    const uint32_t size = info->size;
    for (uint32_t y = 0; y < size; y++) {
        const sample v = sample_at(y, size);
        const float *above = &pixels[(size_t)v.low * SIDE], *below = &pixels[(size_t)v.high * SIDE];
        for (uint32_t x = 0; x < size; x++) {
            const sample h = sample_at(x, size);
            const float ink =
                mix(mix(above[h.low], above[h.high], h.weight), mix(below[h.low], below[h.high], h.weight), v.weight);
            for (uint32_t c = 0; c < (info->channels ? info->channels : 1); c++)
                image[(c * size + y) * size + x] = ink / 8 - 1;
        }
    }
}

// Those of `in` that are wanted, as images.
static void draw_images(const training_table *in, const training_digits_info *info, uint32_t features,
                        training_table *out) {
    out->count = 0;
    for (uint32_t i = 0; i < in->count; i++) {
        const int64_t label = in->labels[i] - info->first;
        if (label < 0 || (info->classes > 0 && label >= info->classes)) continue;
        draw_image(&in->features[(size_t)i * PIXELS], info, &out->features[(size_t)out->count * features]);
        out->labels[out->count++] = label;
    }
}

training_records *training_digits_load(const training_digits_info *info, nn_random *random) {
    training_table pixels, images;
    training_record row;
    if (!training_csv_read(info->path, DIGITS, &pixels, &row)) return NULL;
    if (row.shape[0] != PIXELS) {
        training_say("%s:1: %u columns, expected %d pixels and the digit", info->path, row.shape[0] + 1, PIXELS);
        training_table_free(&pixels);
        return NULL;
    }
    training_record record = {.rank = 2, .shape = {info->size, info->size}, .classes = DIGITS - info->first};
    if (info->channels) record = (training_record){3, {info->channels, info->size, info->size}, record.classes, false};
    if (info->classes) record.classes = info->classes;
    const bool ok = training_table_create(&images, &record, pixels.count);
    if (ok) draw_images(&pixels, info, training_record_features(&record), &images);
    training_table_free(&pixels);
    return ok ? training_records_split(&record, &images, random) : NULL;
}
