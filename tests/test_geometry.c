// SPDX-License-Identifier: MIT
// Geometry with no GPU: the numbers of groups, features and elements, beside those of the reference.
#include "geometry.h" // first: it brings volk

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "norm_case.h"

static void agrees_with_the_reference(void **state) {
    (void)state;
    for (size_t i = 0; i < norm_case_count; i++) {
        const struct norm_case *c = &norm_cases[i];
        struct reference r = reference_make(&c->norm, c->layout, c->rank, c->shape);
        vkn_tensor x = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, c->layout, c->rank, c->shape);
        vkn_geometry g;
        assert_int_equal(vkn_geometry_make(&c->norm, &x, true, &g), VKN_OK);
        assert_true(g.groups == r.groups && g.group_size == r.group_size && g.features == r.features);
        assert_true(g.elements == r.count && g.kind == c->norm.kind);
        assert_true(g.groups * g.fan == g.units && g.centered == (c->norm.kind != VKN_RMS));
        assert_true(vkn_norm_groups(&c->norm, &x) == r.groups && vkn_norm_features(&c->norm, &x) == r.features);
    }
}

struct family_case {
    vkn_kind kind;
    vkn_layout layout;
    uint32_t rank, shape[VKN_MAX_RANK];
    bool columns;
    uint64_t run, outer, fan;
};

// Which way lanes sweep: rows where a channel's elements lie together, columns where channels do.
static void families(void **state) {
    (void)state;
    static const struct family_case cases[] = {
        {VKN_BATCH, VKN_CHANNELS_FIRST, 4, {8, 6, 5, 7}, false, 35, 8, 1},
        {VKN_BATCH, VKN_CHANNELS_LAST, 4, {8, 6, 5, 7}, true, 35, 8, 1},
        {VKN_BATCH, VKN_CHANNELS_FIRST, 2, {8, 6}, true, 1, 8, 1},
        {VKN_BATCH, VKN_CHANNELS_LAST, 3, {8, 1, 9}, false, 9, 8, 1},
        {VKN_INSTANCE, VKN_CHANNELS_FIRST, 3, {8, 6, 5}, false, 5, 1, 1},
        {VKN_INSTANCE, VKN_CHANNELS_LAST, 3, {8, 6, 5}, true, 5, 1, 1},
        {VKN_GROUP, VKN_CHANNELS_FIRST, 3, {8, 6, 5}, false, 5, 1, 3},
        {VKN_GROUP, VKN_CHANNELS_LAST, 3, {8, 6, 5}, true, 5, 1, 3},
        {VKN_GROUP, VKN_CHANNELS_LAST, 3, {8, 6, 1}, false, 3, 1, 1},
        {VKN_LAYER, VKN_CHANNELS_FIRST, 3, {8, 6, 5}, false, 5, 1, 1},
        {VKN_RMS, VKN_CHANNELS_LAST, 3, {8, 6, 5}, false, 6, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct family_case *c = &cases[i];
        vkn_norm norm = vkn_norm_defaults(c->kind);
        if (c->kind == VKN_GROUP) norm.groups = 2;
        vkn_tensor x = vkn_tensor_make(VK_NULL_HANDLE, 0, VKN_F32, c->layout, c->rank, c->shape);
        vkn_geometry g;
        assert_int_equal(vkn_geometry_make(&norm, &x, true, &g), VKN_OK);
        assert_int_equal(g.columns, c->columns);
        assert_true(g.run == c->run && g.outer == c->outer && g.fan == c->fan);
    }
}

static void more_than_32_bits(void **state) {
    (void)state;
    vkn_norm norm = vkn_norm_defaults(VKN_LAYER);
    vkn_tensor x = {.rank = 3, .shape = {1u << 20, 1u << 20, 3}};
    vkn_geometry g;
    norm.normalized_rank = 2;
    assert_int_equal(vkn_geometry_make(&norm, &x, true, &g), VKN_OK);
    assert_true(g.elements == (uint64_t)3 << 40 && g.groups == 1u << 20 && g.group_size == (uint64_t)3 << 20);
    norm = vkn_norm_defaults(VKN_INSTANCE);
    assert_int_equal(vkn_geometry_make(&norm, &x, true, &g), VKN_OK);
    assert_true(g.groups == (uint64_t)1 << 40 && g.group_size == 3);
    x.shape[2] = UINT32_MAX;
    assert_int_equal(vkn_geometry_make(&norm, &x, true, &g), VKN_BAD_ARGUMENT);
    assert_non_null(strstr(vkn_error_message(), "64 bits"));
}

// One value a channel is refused only where statistics come from x; empty tensors are legal.
static void single_values_and_none(void **state) {
    (void)state;
    vkn_norm norm = vkn_norm_defaults(VKN_BATCH);
    vkn_tensor x = {.rank = 2, .shape = {1, 64}};
    vkn_geometry g;
    assert_int_equal(vkn_geometry_make(&norm, &x, true, &g), VKN_BAD_ARGUMENT);
    assert_string_equal(vkn_error_message(),
                        "Expected more than 1 value per channel when training, got input size [1, 64]");
    assert_int_equal(vkn_geometry_make(&norm, &x, false, &g), VKN_OK);
    x.shape[0] = 0;
    assert_int_equal(vkn_geometry_make(&norm, &x, true, &g), VKN_OK);
    assert_true(g.elements == 0 && g.features == 64);
    norm = vkn_norm_defaults(VKN_LAYER);
    x = (vkn_tensor){.rank = 2, .shape = {7, 1}};
    assert_int_equal(vkn_geometry_make(&norm, &x, true, &g), VKN_OK);
    assert_true(g.groups == 7 && g.group_size == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_reference),
        cmocka_unit_test(families),
        cmocka_unit_test(more_than_32_bits),
        cmocka_unit_test(single_values_and_none),
    };
    return cmocka_run_group_tests_name("geometry", tests, NULL, NULL);
}
