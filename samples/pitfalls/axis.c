// SPDX-License-Identifier: MIT
// The wrong axis: images as sequences [B, T, D] of T rows with D features each, normalized per feature, and per row.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "study.h"

enum { T = STUDY_SIDE, D = STUDY_SIDE };

// x through a batch norm of D features in train mode. NULL after a failure. free() it.
static float *normalize(study *s, vkn_layer *layer, const vkn_tensor *x) {
    nn_device *device = s->device;
    float *values = malloc(nn_tensor_bytes(x));
    if (!values) nn_fail(device, VKN_OUT_OF_MEMORY, "no memory for %u sequences", x->shape[0]);
    nn_begin(device);
    const vkn_tensor y = nn_tensor_like(device, x);
    if (nn_ok(device)) nn_check(device, vkn_layer_forward(device->recorder, layer, x, &y));
    nn_submit(device);
    if (values) nn_download(device, &y, values);
    if (nn_ok(device)) return values;
    free(values);
    return NULL;
}

// Of one feature over all places of all sequences.
static void mean_and_variance(const float *y, uint32_t sequences, uint32_t feature, double out[2]) {
    const size_t places = (size_t)sequences * T;
    out[0] = out[1] = 0;
    for (size_t i = 0; i < places; i++)
        out[0] += (double)y[i * D + feature] / (double)places;
    for (size_t i = 0; i < places; i++) {
        const double centred = (double)y[i * D + feature] - out[0];
        out[1] += centred * centred / (double)places;
    }
}

static bool compare_axes(study *s, vkn_layer *layer, training_figures *out) {
    const uint32_t sequences = s->data->data.counts[TRAINING_TEST];
    // The same memory, [B, T, D], with its features as what channels are, and with its rows.
    vkn_tensor right = s->data->features[TRAINING_TEST], wrong = right;
    right.rank = wrong.rank = 3;
    right.layout = VKN_CHANNELS_LAST;
    right.shape[1] = wrong.shape[2] = D;
    right.shape[2] = wrong.shape[1] = T;
    float *by_feature = normalize(s, layer, &right), *by_row = by_feature ? normalize(s, layer, &wrong) : NULL;
    bool ok = by_feature && by_row;
    for (uint32_t d = 0; ok && d < D; d++) {
        double values[4];
        mean_and_variance(by_feature, sequences, d, values);
        mean_and_variance(by_row, sequences, d, values + 2);
        ok = training_figures_add(out, values, "%u", d);
    }
    free(by_feature);
    free(by_row);
    if (!ok) return false;
    wrong.shape[0] *= 2; // twice as many sequences of half as many rows: now the sizes tell
    wrong.shape[1] /= 2;
    free(normalize(s, layer, &wrong)); // fails
    snprintf(out->remark, sizeof out->remark,
             "As T = D = %d, nothing complains. With sequences of %d rows it does: \"%s\"", T, T / 2,
             nn_message(s->device));
    nn_clear(s->device);
    return true;
}

bool pitfall_axis(study *s, training_figures *out) {
    const vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, D);
    vkn_layer *layer = NULL;
    training_data_upload(&s->data->data, s->device);
    const bool ok = nn_check(s->device, vkn_layer_create(s->device->context, &info, &layer)) && nn_ok(s->device) &&
                    compare_axes(s, layer, out);
    vkn_layer_destroy(layer);
    return ok;
}
