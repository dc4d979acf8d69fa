// SPDX-License-Identifier: MIT
// How plans share work: lanes of a team, words of a lane, rows of a team.
#include "plan_case.h" // first: it brings volk
#include "plan_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

// A team has several rows, so that it loads the weights once, as long as the device stays filled.
static void teams_have_several_rows(void **state) {
    (void)state;
    static const struct norm_case many = CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {64, 1024, 1024});
    static const struct norm_case few = CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {2, 64, 1024});
    static const struct norm_case odd = CASE(VKN_RMS, VKN_CHANNELS_FIRST, {65537, 1024});
    static const struct norm_case odd_and_wide = CASE(VKN_RMS, VKN_CHANNELS_FIRST, {65537, 4096});
    vkn_plan plan = {0};
    vkn_request request = {.present = FORWARD};
    const vkn_pass *pass = pass_of(&plan, &many, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    uint32_t step = pass->push.rows.unit_step;
    assert_true(step > 1);
    assert_int_equal((uint64_t)step * pass->push.rows.teams, 65536);
    assert_true(pass->push.rows.teams * pass->constants.value[VKN_CONSTANT_LANES] >= 65536);

    pass = pass_of(&plan, &few, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    assert_int_equal(pass->push.rows.unit_step, 1);
    assert_int_equal(pass->push.rows.teams, 128);

    request.per_sample = true;
    pass = pass_of(&plan, &many, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    assert_int_equal(pass->push.rows.unit_step, 1);

    request.per_sample = false;
    pass = pass_of(&plan, &odd, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    step = pass->push.rows.unit_step;
    assert_true(step > 1);
    assert_int_equal(pass->push.rows.teams, (65537 + step - 1) / step);
    assert_true(pass->constants.value[VKN_CONSTANT_WHOLE]); // the last team has a single row, and goes over no other

    pass = pass_of(&plan, &odd_and_wide, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_NORM_ROW);
    assert_true(pass->push.rows.unit_step > 1);
    assert_false(pass->constants.value[VKN_CONSTANT_WHOLE]); // where a team meets others at barriers it does
    free(plan.passes);
}

// Work is cut so that no lane has a part of a block, where the shape allows it.
static void blocks_are_whole(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        vkn_request request;
        vkn_shader shader;
        bool whole;
    } cases[] = {
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 56, 56}), FROZEN(FORWARD), VKN_SHADER_APPLY_ROWS, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 28, 28}), FROZEN(FORWARD), VKN_SHADER_APPLY_ROWS, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 14, 14}), FROZEN(FORWARD), VKN_SHADER_APPLY_ROWS, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {31, 64, 14, 14}), FROZEN(FORWARD), VKN_SHADER_APPLY_ROWS, false},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 14, 14}), {.present = FORWARD}, VKN_SHADER_NORM_ROW, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {31, 64, 14, 14}), {.present = FORWARD}, VKN_SHADER_NORM_ROW, false},
    };
    vkn_plan plan = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_pass *pass =
            pass_of(&plan, &cases[i].c, vkn_plan_forward, &cases[i].request, DEVICE_CPU, cases[i].shader);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_WHOLE], cases[i].whole);
        assert_in_range(pass->constants.value[VKN_CONSTANT_BLOCK], 1, 8);
    }
    free(plan.passes);
}

// A CPU's threads have as many parts each, which take as long as each other, of as many lanes as leave no masks.
static void parts_are_even(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        planner *plan;
        vkn_request request;
        vkn_shader shader;
        uint32_t lanes, block;
    } cases[] = {
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 112, 112}), vkn_plan_backward, FROZEN(BACKWARD),
         VKN_SHADER_GRAD_STATS_ROWS, 8, 8},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 56, 56}), vkn_plan_backward, FROZEN(BACKWARD),
         VKN_SHADER_GRAD_STATS_ROWS, 8, 7},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 28, 28}), vkn_plan_backward, FROZEN(BACKWARD),
         VKN_SHADER_GRAD_STATS_ROWS, 4, 7},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 28, 28}), vkn_plan_forward, FROZEN(FORWARD),
         VKN_SHADER_APPLY_ROWS, 8, 2},
    };
    vkn_plan plan = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_pass *pass =
            pass_of(&plan, &cases[i].c, cases[i].plan, &cases[i].request, DEVICE_CPU, cases[i].shader);
        assert_true(pass->push.rows.outer_step > 1);
        assert_int_equal(32 % pass->push.rows.outer_step, 0);
        assert_true(pass->constants.value[VKN_CONSTANT_WHOLE]);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_LANES], cases[i].lanes);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_BLOCK], cases[i].block);
    }
    free(plan.passes);
}

// A lane has one address for a block of words that all lie in one outer: blocks are made so where they can be. Not of
// 49 or 121 words, which eight lanes do not share evenly.
static void blocks_have_one_outer(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        vkn_shader shader;
        int device;
        uint32_t block;
        bool one_outer;
    } cases[] = {
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 256, 56, 56}), VKN_SHADER_NORM_ROW, DEVICE_CPU, 7, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 28, 28}), VKN_SHADER_NORM_ROW, DEVICE_CPU, 7, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 14, 14}), VKN_SHADER_NORM_ROW, DEVICE_CPU, 7, false}, // 49
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 20, 20}), VKN_SHADER_NORM_ROW, DEVICE_CPU, 5, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 22, 22}), VKN_SHADER_NORM_ROW, DEVICE_CPU, 8, false}, // 121
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 256, 14, 14}), VKN_SHADER_NORM_ROW, DEVICE_GPU, 8, false}, // held
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 112, 112}), VKN_SHADER_APPLY_ROWS, DEVICE_GPU, 4, true},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1000}), VKN_SHADER_NORM_ROW, DEVICE_CPU, 32, true},
    };
    vkn_plan plan = {0};
    const vkn_request request = {.present = FORWARD};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_pass *pass =
            pass_of(&plan, &cases[i].c, vkn_plan_forward, &request, cases[i].device, cases[i].shader);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_BLOCK], cases[i].block);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_ONE_OUTER], cases[i].one_outer);
    }
    free(plan.passes);
}

// Group norm reads a weight once for a block of words where all of them have the same.
static void blocks_share_weights(void **state) {
    (void)state;
    struct norm_case c = CASE(VKN_GROUP, VKN_CHANNELS_FIRST, {4, 320, 64, 64});
    c.norm.groups = 32;
    vkn_plan plan = {0};
    const vkn_request request = {.present = FORWARD};
    const vkn_pass *pass = pass_of(&plan, &c, vkn_plan_forward, &request, DEVICE_CPU, VKN_SHADER_NORM_ROW);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_AFFINE], VKN_AFFINE_BLOCK);
    assert_int_equal(pass->push.rows.affine_span, 64 * 64);
    c.shape[2] = c.shape[3] = 62;
    pass = pass_of(&plan, &c, vkn_plan_forward, &request, DEVICE_CPU, VKN_SHADER_NORM_ROW);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_AFFINE], VKN_AFFINE_SPAN);
    free(plan.passes);
}

// On a CPU a subgroup reads several rows at once, as far as there are enough of them, unless its registers hold one or
// a row is of several runs, which lanes share without masks.
static void subgroups_read_streams(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        uint32_t lanes, neighbours;
    } cases[] = {
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 14, 14}), 8, 1},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 512, 28, 28}), 4, 1},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 2048, 7, 7}), 1, 1},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 14, 14}), 8, 1},
        {CASE(VKN_INSTANCE, VKN_CHANNELS_FIRST, {2, 64, 64, 64}), 2, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 4096}), 8, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}), 8, 4},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 192}), 8, 2},
    };
    vkn_plan plan = {0};
    const vkn_request request = {.present = FORWARD};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_pass *pass = pass_of(&plan, &cases[i].c, vkn_plan_forward, &request, DEVICE_CPU, VKN_SHADER_NORM_ROW);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_LANES], cases[i].lanes);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_WORDS], cases[i].neighbours);
    }
    free(plan.passes);
}

// Of rows that share weights it reads several at once, unless they are read as texels.
static void texels_want_fewer_streams(void **state) {
    (void)state;
    const vkn_row row = {.rows = 4096, .elements = 4096, .outers = 1, .span = 4096, .weighted = true, .shared = true};
    vkn_limits limits = vkn_limits_make(&devices[DEVICE_CPU].info);
    assert_int_equal(limits.texels, 1);
    assert_int_equal(vkn_split_row(&row, &limits).lanes, 8);
    limits.texels = 0;
    assert_int_equal(vkn_split_row(&row, &limits).lanes, 2);
}

// Two words of 16 bits are one load where each lane has pairs of them, and all pairs begin at 16 bytes.
static void halves_are_loaded_in_pairs(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        vkn_dtype dtype;
        vkn_shader shader;
        uint32_t words;
    } cases[] = {
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}), VKN_F32, VKN_SHADER_NORM_ROW, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1024}), VKN_BF16, VKN_SHADER_NORM_ROW, 2},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1020}), VKN_BF16, VKN_SHADER_NORM_ROW, 1},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 1023}), VKN_BF16, VKN_SHADER_NORM_ROW, 0},
        {CASE(VKN_LAYER, VKN_CHANNELS_FIRST, {4096, 5120}), VKN_F16, VKN_SHADER_NORM_ROW, 1}, // 5 words a lane
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 56, 56}), VKN_F16, VKN_SHADER_STATS_ROWS, 2},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 64, 56, 56}), VKN_F16, VKN_SHADER_APPLY_ROWS, 2},
        {CASE(VKN_BATCH, VKN_CHANNELS_LAST, {32, 64, 56, 56}), VKN_F16, VKN_SHADER_APPLY_COLUMNS, 2},
    };
    vkn_plan plan = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_request request = {.present = FORWARD, .dtype = cases[i].dtype};
        const vkn_pass *pass = pass_of(&plan, &cases[i].c, vkn_plan_forward, &request, DEVICE_GPU, cases[i].shader);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_VECTOR], cases[i].words);
    }
    free(plan.passes);
}

// Positions of columns that are loaded before one is written: on a GPU four words' worth of them, on a CPU one.
static void positions_are_loaded_ahead(void **state) {
    (void)state;
    static const struct norm_case c = CASE(VKN_BATCH, VKN_CHANNELS_LAST, {32, 256, 56, 56});
    vkn_plan plan = {0};
    vkn_request request = {.present = FORWARD};
    const vkn_pass *pass = pass_of(&plan, &c, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_APPLY_COLUMNS);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_BLOCK], 4);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_WORDS], 1);
    pass = pass_of(&plan, &c, vkn_plan_forward, &request, DEVICE_CPU, VKN_SHADER_APPLY_COLUMNS);
    assert_true(pass->constants.value[VKN_CONSTANT_WORDS] > 1);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_BLOCK], pass->constants.value[VKN_CONSTANT_WORDS]);

    request.dtype = VKN_F16;
    pass = pass_of(&plan, &c, vkn_plan_forward, &request, DEVICE_GPU, VKN_SHADER_APPLY_COLUMNS);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_BLOCK], 4);
    assert_int_equal(pass->constants.value[VKN_CONSTANT_WORDS], 2);
    free(plan.passes);
}

// A GPU's team holds a slab of several outers, with as many lanes as that takes; a CPU's reads it again.
static void teams_hold_slabs(void **state) {
    (void)state;
    static const struct {
        struct norm_case c;
        planner *plan;
        vkn_shader shader;
        int device;
        uint32_t lanes, next_outer, next_word;
        bool on_chip;
    } cases[] = {
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 256, 14, 14}), vkn_plan_forward, VKN_SHADER_NORM_ROW, DEVICE_GPU, 256,
         5, 11, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 256, 14, 14}), vkn_plan_backward, VKN_SHADER_NORM_ROW_GRAD,
         DEVICE_GPU, 256, 5, 11, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 2048, 7, 7}), vkn_plan_forward, VKN_SHADER_NORM_ROW, DEVICE_GPU, 128,
         9, 11, true},
        {CASE(VKN_BATCH, VKN_CHANNELS_FIRST, {32, 256, 14, 14}), vkn_plan_forward, VKN_SHADER_NORM_ROW, DEVICE_CPU, 8,
         0, 8, false},
    };
    vkn_plan plan = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vkn_request request = {.present = cases[i].plan == vkn_plan_forward ? FORWARD : TRAINED};
        const vkn_pass *pass = pass_of(&plan, &cases[i].c, cases[i].plan, &request, cases[i].device, cases[i].shader);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_LANES], cases[i].lanes);
        assert_int_equal(pass->constants.value[VKN_CONSTANT_ON_CHIP], cases[i].on_chip);
        assert_int_equal(pass->push.rows.next_outer, cases[i].next_outer);
        assert_int_equal(pass->push.rows.next_word, cases[i].next_word);
    }
    free(plan.passes);
}

// A CPU with narrow subgroups reads a row of several runs again only if no block goes from one run into the next.
static void narrow_blocks_keep_to_runs(void **state) {
    (void)state;
    static const vkn_row across = {.rows = 512, .elements = 196, .outers = 32, .span = 196},
                         within = {.rows = 512, .elements = 1024, .outers = 32, .span = 1024};
    vkn_device_info info = devices[DEVICE_CPU].info;
    vkn_limits wide = vkn_limits_make(&info);
    info.subgroup_size = 4;
    vkn_limits narrow = vkn_limits_make(&info);
    assert_true(vkn_row_pays(&across, &wide));
    assert_false(vkn_row_pays(&across, &narrow));
    assert_true(vkn_row_pays(&within, &narrow));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_are_loaded_in_pairs), cmocka_unit_test(blocks_are_whole),
        cmocka_unit_test(narrow_blocks_keep_to_runs), cmocka_unit_test(parts_are_even),
        cmocka_unit_test(blocks_share_weights),       cmocka_unit_test(subgroups_read_streams),
        cmocka_unit_test(teams_have_several_rows),    cmocka_unit_test(teams_hold_slabs),
        cmocka_unit_test(positions_are_loaded_ahead), cmocka_unit_test(blocks_have_one_outer),
        cmocka_unit_test(texels_want_fewer_streams),
    };
    return cmocka_run_group_tests_name("plan_split", tests, NULL, NULL);
}
