// SPDX-License-Identifier: MIT
// x and dy read as texels: which calls do that, and that it changes no bit of what they give.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "rig.h"

enum { SAMPLES = 4, CHANNELS = 8, SPACE = 64, COUNT = SAMPLES * CHANNELS * SPACE, LEAD = 8 };

enum role { X, DY, RESIDUAL, Y, H, DX, DRESIDUAL, AS_X, WEIGHT = AS_X, BIAS, DWEIGHT, DBIAS, STATISTICS, ROLES };
static const char *const names[ROLES] = {"x",         "dy",     "residual", "y",       "h",     "dx",
                                         "dresidual", "weight", "bias",     "dweight", "dbias", "statistics"};

struct tensors {
    struct box box[ROLES];
    vkn_norm norm;
    vkn_forward_args forward;
    vkn_backward_args backward;
};

static struct tensors make(const struct rig *rig, const vkn_norm *norm, vkn_dtype dtype, vkn_layout layout) {
    static float values[COUNT];
    const uint32_t shape[] = {SAMPLES, CHANNELS, SPACE};
    const vkn_tensor like = vkn_tensor_make(VK_NULL_HANDLE, 0, dtype, layout, 3, shape);
    const uint64_t features = vkn_norm_features(norm, &like), groups = vkn_norm_groups(norm, &like);
    struct tensors t = {.norm = *norm};
    vkn_tensor all[ROLES];
    for (uint32_t role = 0; role < ROLES; role++) {
        for (uint32_t i = 0; i < COUNT; i++)
            values[i] = (float)((i * 37 + role * 101) % 64) / 32.0f - 1.0f;
        t.box[role] = role < AS_X ? box_make_values(rig->context, names[role], LEAD, &like, values)
                                  : box_make_vector(rig->context, names[role], 0,
                                                    role == STATISTICS ? 4 * groups : features, values);
        all[role] = t.box[role].tensor;
    }
    t.forward = (vkn_forward_args){.x = all[X],
                                   .y = all[Y],
                                   .weight = all[WEIGHT],
                                   .bias = all[BIAS],
                                   .statistics = all[STATISTICS],
                                   .training = true};
    t.backward = (vkn_backward_args){.x = all[X],
                                     .dy = all[DY],
                                     .dx = all[DX],
                                     .weight = all[WEIGHT],
                                     .statistics = all[STATISTICS],
                                     .dweight = all[DWEIGHT],
                                     .dbias = all[DBIAS],
                                     .training = true};
    return t;
}

static void record(const struct rig *rig, const struct tensors *t) {
    MUST(vkn_recorder_begin(rig->recorder, VK_NULL_HANDLE));
    MUST(vkn_norm_forward(rig->recorder, &t->norm, &t->forward));
    MUST(vkn_recorder_barrier(rig->recorder));
    MUST(vkn_norm_backward(rig->recorder, &t->norm, &t->backward));
    MUST(vkn_recorder_submit_and_wait(rig->recorder));
}

static void destroy(struct tensors *t) {
    for (uint32_t role = 0; role < ROLES; role++)
        box_destroy(&t->box[role]);
}

static struct rig open_with(const char *limits) {
    struct rig rig;
    assert_int_equal(rig_open(&rig, &(vkn_context_info){.limits = limits}), 0);
    return rig;
}

static void count_one(void *user, const char *name, VkPipeline pipeline) {
    (void)pipeline;
    *(uint32_t *)user += strstr(name, " texels") != NULL;
}

// Pipelines that read texels, of those built so far.
static uint32_t reading(const struct rig *rig) {
    uint32_t count = 0;
    vkn_context_pipelines(rig->context, count_one, &count);
    return count;
}

static void check_bits(const struct rig *rig, const vkn_norm *norm, vkn_dtype dtype, vkn_layout layout) {
    struct tensors with = make(rig, norm, dtype, layout), without = make(rig, norm, dtype, layout);
    without.forward.x.texels = without.backward.x.texels = without.backward.dy.texels = VK_NULL_HANDLE;
    const uint32_t before = reading(rig);
    record(rig, &without);
    assert_int_equal(reading(rig), before);
    record(rig, &with);
    assert_true(reading(rig) > before);
    const enum role written[] = {Y, DX, DWEIGHT, DBIAS, STATISTICS};
    for (uint32_t i = 0; i < sizeof written / sizeof *written; i++) {
        struct box *a = &with.box[written[i]], *b = &without.box[written[i]];
        assert_int_equal(box_fetch(a, "texels", true) + box_fetch(b, "buffers", true), 0);
        assert_memory_equal(a->after, b->after, a->all_bytes);
    }
    destroy(&with);
    destroy(&without);
}

static void no_bit_changes(void **state) {
    (void)state;
    const vkn_kind kinds[] = {VKN_BATCH, VKN_LAYER};
    const vkn_dtype dtypes[] = {VKN_F32, VKN_F16, VKN_BF16};
    const vkn_layout layouts[] = {VKN_CHANNELS_FIRST, VKN_CHANNELS_LAST};
    for (uint32_t i = 0; i < 6; i++) {
        struct rig rig = open_with("texels=1");
        vkn_norm norm = vkn_norm_defaults(kinds[i % 2]);
        if (norm.kind == VKN_LAYER) norm.normalized_rank = 1;
        check_bits(&rig, &norm, dtypes[i / 2], layouts[(i + i / 2) % 2]);
        rig_close(&rig);
    }
}

// Where each of the tensors that are read has a view.
static void only_where_all_have_one(void **state) {
    (void)state;
    struct rig rig = open_with("texels=1");
    const vkn_norm norm = vkn_norm_defaults(VKN_BATCH);
    struct tensors t = make(&rig, &norm, VKN_F32, VKN_CHANNELS_FIRST);
    t.norm.activation = VKN_RELU;
    t.forward.residual = t.backward.residual = t.box[RESIDUAL].tensor;
    t.forward.h = t.box[H].tensor;
    t.backward.bias = t.box[BIAS].tensor;
    t.backward.dresidual = t.box[DRESIDUAL].tensor;
    VkBufferView *const views[2][2] = {{&t.forward.x.texels, &t.forward.h.texels},
                                       {&t.backward.dy.texels, &t.backward.dresidual.texels}};
    for (uint32_t i = 0; i < 2; i++) {
        VkBufferView kept[] = {*views[0][i], *views[1][i]};
        *views[0][i] = *views[1][i] = VK_NULL_HANDLE;
        record(&rig, &t);
        assert_int_equal(reading(&rig), 0);
        *views[0][i] = kept[0];
        *views[1][i] = kept[1];
    }
    record(&rig, &t);
    assert_true(reading(&rig) > 1);
    destroy(&t);
    rig_close(&rig);
}

static void devices_that_read_none(void **state) {
    (void)state;
    const struct {
        const char *limits;
        uint32_t disable;
    } cases[] = {{"texels=0", 0}, {"texels=1", VKN_FEATURE_SUBGROUP}};
    for (uint32_t i = 0; i < 2; i++) {
        struct rig rig;
        const vkn_context_info info = {.limits = cases[i].limits, .disable = cases[i].disable};
        assert_int_equal(rig_open(&rig, &info), 0);
        const vkn_norm norm = vkn_norm_defaults(VKN_LAYER);
        vkn_device_info about;
        vkn_context_device_info(rig.context, &about);
        assert_int_equal(about.max_texels, 0);
        struct tensors t = make(&rig, &norm, VKN_F32, VKN_CHANNELS_FIRST);
        assert_true(t.forward.x.texels == VK_NULL_HANDLE);
        record(&rig, &t);
        assert_int_equal(reading(&rig), 0);
        destroy(&t);
        rig_close(&rig);
    }
}

// A buffer of more texels than a view can have has none.
static void views_end_at_the_limit(void **state) {
    (void)state;
    struct rig rig = open_with("texels=1");
    vkn_device_info about;
    vkn_context_device_info(rig.context, &about);
    assert_true(about.max_texels >= 65536); // what Vulkan asks for
    const VkDeviceSize most = (VkDeviceSize)about.max_texels * 16;
    const VkDeviceSize sizes[] = {most - 15, most + 1};
    for (uint32_t i = 0; i < 2 && most < (1 << 28); i++) {
        vkn_buffer *buffer;
        MUST(vkn_buffer_create(rig.context, sizes[i], &buffer));
        assert_true((vkn_buffer_texels(buffer) != VK_NULL_HANDLE) == (i == 0));
        vkn_buffer_destroy(buffer);
    }
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bit_changes),
        cmocka_unit_test(only_where_all_have_one),
        cmocka_unit_test(devices_that_read_none),
        cmocka_unit_test(views_end_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
