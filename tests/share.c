// SPDX-License-Identifier: MIT
#include "share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data.h"

enum { TENSORS = 6 };

static vkn_layer_info describe(const struct variant *v) {
    vkn_layer_info info = vkn_layer_defaults(VKN_BATCH, FEATURES);
    info.norm.activation = v->activation;
    info.norm.weight_offset = v->weight_offset;
    info.momentum = v->momentum;
    info.weight = info.bias = !v->plain;
    info.biased_running_var = v->biased_running_var;
    return info;
}

static void share_boxes(struct share *s, struct box *boxes[TENSORS]) {
    struct box *all[TENSORS] = {&s->x, &s->residual, &s->y, &s->dy, &s->dx, &s->dresidual};
    memcpy(boxes, all, sizeof all);
}

struct share share_make(struct rig *rig, const struct variant *v, uint32_t first, uint32_t rows) {
    struct share s = {.variant = v, .recorder = rig->recorder};
    const vkn_layer_info info = describe(v);
    float parameter[FEATURES];
    MUST(vkn_layer_create(rig->context, &info, &s.layer));
    data_fill_parameter(20, FEATURES, 1, 0.3, parameter);
    if (info.weight) MUST(vkn_layer_upload(s.layer, VKN_WEIGHT, parameter, sizeof parameter));
    data_fill_parameter(21, FEATURES, 0, 0.5, parameter);
    if (info.bias) MUST(vkn_layer_upload(s.layer, VKN_BIAS, parameter, sizeof parameter));

    const uint32_t shape[] = {rows, FEATURES, v->space};
    const vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, v->dtype, v->layout, v->space > 1 ? 3 : 2, shape);
    const uint64_t row = (uint64_t)FEATURES * v->space, begin = first * row, end = begin + rows * row;
    float *values = calloc(end + 1, sizeof *values);
    assert_non_null(values);
    data_fill_parameter(1, end, v->mean, 1, values);
    data_round(v->dtype, end, values);
    s.x = box_make_values(rig->context, "x", 1, &like, values + begin);
    data_fill_parameter(2, end, 0, 1, values);
    data_round(v->dtype, end, values);
    s.residual = box_make_values(rig->context, "residual", 2, &like, values + begin);
    data_fill_gradient(3, end, values);
    data_round(v->dtype, end, values);
    s.dy = box_make_values(rig->context, "dy", 3, &like, values + begin);
    free(values);
    s.y = box_make(rig->context, "y", 1, &like, NULL);
    s.dx = box_make(rig->context, "dx", 0, &like, NULL);
    s.dresidual = box_make(rig->context, "dresidual", 5, &like, NULL);
    return s;
}

void share_destroy(struct share *s) {
    struct box *boxes[TENSORS];
    share_boxes(s, boxes);
    for (int i = 0; i < TENSORS; i++)
        box_destroy(boxes[i]);
    vkn_layer_destroy(s->layer);
}

vkn_result share_step(void *user) {
    struct share *s = user;
    const bool fused = s->variant->residual;
    vkn_result result = vkn_recorder_begin(s->recorder, VK_NULL_HANDLE);
    if (!result)
        result = vkn_layer_forward_residual(s->recorder, s->layer, &s->x.tensor, fused ? &s->residual.tensor : NULL,
                                            NULL, &s->y.tensor);
    if (!result) result = vkn_recorder_barrier(s->recorder);
    if (!result)
        result = vkn_layer_backward_residual(s->recorder, s->layer, &s->x.tensor, &s->dy.tensor,
                                             fused ? &s->residual.tensor : NULL, NULL, &s->dx.tensor,
                                             fused ? &s->dresidual.tensor : NULL);
    return result ? result : vkn_recorder_submit_and_wait(s->recorder);
}

int share_fetch(struct share *s, const char *label) {
    int faults = box_fetch(&s->x, label, false) + box_fetch(&s->residual, label, false);
    faults += box_fetch(&s->dy, label, false) + box_fetch(&s->y, label, true) + box_fetch(&s->dx, label, true);
    return faults + box_fetch(&s->dresidual, label, s->variant->residual);
}

int64_t share_counted(const struct share *s) {
    int64_t counted = -1;
    MUST(vkn_layer_download(s->layer, VKN_NUM_BATCHES_TRACKED, &counted, sizeof counted));
    return counted;
}
