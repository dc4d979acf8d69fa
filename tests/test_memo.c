// SPDX-License-Identifier: MIT
// Calls that were made before are not planned again, and no call gets the plan of another one. Links the library's
// objects with the planners wrapped, and Vulkan interposed.
#include "memo.h" // first: it brings volk

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "call.h"
#include "commands.h"
#include "interpose.h"
#include "rig.h"

// ---- The planners --------------------------------------------------------------------------------------------------
static uint32_t planned; // calls so far

#define PLANNERS(X) X(vkn_plan_forward) X(vkn_plan_backward) X(vkn_plan_moments) X(vkn_plan_sums)
#define WRAP(name)                                                                                                     \
    vkn_result __real_##name(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);               \
    vkn_result __wrap_##name(vkn_plan *, const vkn_geometry *, const vkn_limits *, const vkn_request *);               \
    vkn_result __wrap_##name(vkn_plan *plan, const vkn_geometry *geometry, const vkn_limits *limits,                   \
                             const vkn_request *request) {                                                             \
        planned++;                                                                                                     \
        return __real_##name(plan, geometry, limits, request);                                                         \
    }
PLANNERS(WRAP)
#undef WRAP

// ---- The memo alone ------------------------------------------------------------------------------------------------
// A program of `count` passes that can be told from others.
static void keep(vkn_memo *memo, const vkn_key *key, uint32_t count, uint32_t number) {
    static vkn_pass passes[VKN_MEMO_PASSES + 1];
    static VkPipeline pipelines[VKN_MEMO_PASSES + 1];
    for (uint32_t i = 0; i < count; i++)
        passes[i].workgroups = number + i;
    const vkn_program program = {.passes = passes, .pipelines = pipelines, .count = count, .scratch = {number}};
    vkn_memo_keep(memo, key, &program);
}

static bool knows(vkn_memo *memo, const vkn_key *key, uint32_t number) {
    const vkn_program *program = vkn_memo_find(memo, key);
    if (!program) return false;
    assert_int_equal(program->scratch[0], number);
    for (uint32_t i = 0; i < program->count; i++)
        assert_int_equal(program->passes[i].workgroups, number + i);
    return true;
}

static vkn_key numbered(uint32_t number) {
    return (vkn_key){.planner = vkn_plan_forward, .present = number};
}

static void each_byte_of_a_key_counts(void **state) {
    (void)state;
    vkn_memo memo = {0};
    const vkn_key key = {.planner = vkn_plan_forward, .kind = VKN_GROUP, .rank = 2, .shape = {3, 4}};
    keep(&memo, &key, 2, 7);
    for (size_t i = 0; i < sizeof key; i++) {
        vkn_key other;
        memcpy(&other, &key, sizeof key);
        ((unsigned char *)&other)[i] ^= 1;
        assert_false(knows(&memo, &other, 0));
        assert_true(knows(&memo, &key, 7));
    }
    vkn_memo_destroy(&memo);
}

static void keys_of_one_hash_are_told_apart(void **state) {
    (void)state;
    vkn_memo memo = {0}, other = {0};
    const vkn_key kept = numbered(1), asked = numbered(2);
    keep(&memo, &kept, 1, 1);
    keep(&other, &asked, 1, 2);
    memo.hashes[0] = other.hashes[0];
    assert_false(knows(&memo, &asked, 1));
    vkn_memo_destroy(&memo);
    vkn_memo_destroy(&other);
}

// However full it is, in whatever order it is asked: the newest VKN_MEMO_PROGRAMS are there.
static void the_oldest_gives_way(void **state) {
    (void)state;
    enum { KEYS = 3 * VKN_MEMO_PROGRAMS + 5, STEP = 7 };
    vkn_memo memo = {0};
    for (uint32_t n = 0; n < KEYS; n++) {
        vkn_key key = numbered(n);
        assert_false(knows(&memo, &key, n));
        keep(&memo, &key, n % (VKN_MEMO_PASSES + 1), n);
        uint32_t there = n + 1 < VKN_MEMO_PROGRAMS ? n + 1 : VKN_MEMO_PROGRAMS;
        assert_int_equal(memo.count, there);
        for (uint32_t back = 0; back <= n; back += n < KEYS - 1 ? STEP : 1) {
            vkn_key older = numbered(n - back);
            assert_int_equal(knows(&memo, &older, n - back), back < there);
        }
    }
    vkn_memo_destroy(&memo);
}

static void long_programs_are_not_kept(void **state) {
    (void)state;
    vkn_memo memo = {0};
    const vkn_key longest = numbered(1), longer = numbered(2), empty = numbered(3);
    keep(&memo, &longest, VKN_MEMO_PASSES, 1);
    keep(&memo, &longer, VKN_MEMO_PASSES + 1, 2);
    keep(&memo, &empty, 0, 3);
    assert_true(knows(&memo, &longest, 1));
    assert_false(knows(&memo, &longer, 2));
    assert_true(knows(&memo, &empty, 3));
    vkn_memo_destroy(&memo);
}

// ---- Calls ---------------------------------------------------------------------------------------------------------
// Two calls: `both` is changed in each of them, `other` in the second alone.
struct pair {
    const char *name;
    vkn_kind kind;
    enum function function, other_function;
    struct change both[MOST_CHANGES], other[MOST_CHANGES];
};

#define NO_PARAMETERS                                                                                                  \
    {ABSENT, WEIGHT, 0, 0}, {                                                                                          \
        ABSENT, BIAS, 0, 0                                                                                             \
    }
#define SIX_DIMENSIONS                                                                                                 \
    {                                                                                                                  \
        {ABSENT, WEIGHT, 0, 0}, {ABSENT, STATISTICS, 0, 0}, {RANK, LIKE_X, 0, 6}, {SIZE, LIKE_X, 2, 1},                \
            {SIZE, LIKE_X, 3, 1}, {SIZE, LIKE_X, 4, 1}, {                                                              \
            SIZE, LIKE_X, 5, 3                                                                                         \
        }                                                                                                              \
    }

// For each member of vkn_key a pair of calls whose keys differ in that one, and whose plans do. (Whether a forward
// trains shows in two of them, training and from_running.)
static const struct pair different[] = {
    {"planner",
     VKN_BATCH,
     NORM_SUMS,
     BACKWARD,
     {{ABSENT, DX, 0, 0}, {ABSENT, DWEIGHT, 0, 0}, {ABSENT, DBIAS, 0, 0}, {GIVEN, SUMS, 0, 0}},
     {{0}}},
    {"kind", VKN_BATCH, FORWARD, FORWARD, {{ABSENT, STATISTICS, 0, 0}}, {{KIND, X, 0, VKN_INSTANCE}}},
    {"kind of rows", VKN_LAYER, FORWARD, FORWARD, {{ABSENT, BIAS, 0, 0}}, {{KIND, X, 0, VKN_RMS}}},
    {"groups", VKN_GROUP, FORWARD, FORWARD, {{ABSENT, STATISTICS, 0, 0}}, {{NORM_GROUPS, X, 0, 3}}},
    {"normalized_rank",
     VKN_LAYER,
     FORWARD,
     FORWARD,
     {NO_PARAMETERS, {ABSENT, STATISTICS, 0, 0}},
     {{NORMALIZED_RANK, X, 0, 2}}},
    {"activation", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{ACTIVATION, X, 0, VKN_SILU}}},
    {"eps", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{EPS, X, 0, 1e-3}}},
    {"weight_offset", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{WEIGHT_OFFSET, X, 0, 1}}},
    {"momentum", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{MOMENTUM, X, 0, 0.25}}},
    {"cumulative momentum", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{MOMENTUM, X, 0, (double)VKN_MOMENTUM_CUMULATIVE}}},
    {"layout", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{LAYOUT, LIKE_X, 0, VKN_CHANNELS_LAST}}},
    {"rank", VKN_BATCH, FORWARD, FORWARD, {{RANK, LIKE_X, 0, 2}}, {{RANK, LIKE_X, 0, 3}, {SIZE, LIKE_X, 2, 0}}},
    {"shape[0]", VKN_RMS, FORWARD, FORWARD, SIX_DIMENSIONS, {{SIZE, LIKE_X, 0, 3}}},
    {"shape[1]", VKN_RMS, FORWARD, FORWARD, SIX_DIMENSIONS, {{SIZE, LIKE_X, 1, 5}}},
    {"shape[2]", VKN_RMS, FORWARD, FORWARD, SIX_DIMENSIONS, {{SIZE, LIKE_X, 2, 2}}},
    {"shape[3]", VKN_RMS, FORWARD, FORWARD, SIX_DIMENSIONS, {{SIZE, LIKE_X, 3, 2}}},
    {"shape[4]", VKN_RMS, FORWARD, FORWARD, SIX_DIMENSIONS, {{SIZE, LIKE_X, 4, 2}}},
    {"shape[5]", VKN_RMS, FORWARD, FORWARD, SIX_DIMENSIONS, {{SIZE, LIKE_X, 5, 2}}},
    {"dtype", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{DTYPE, LIKE_X, 0, VKN_F16}}},
    {"dtype of 16 bits", VKN_BATCH, FORWARD, FORWARD, {{DTYPE, LIKE_X, 0, VKN_F16}}, {{DTYPE, LIKE_X, 0, VKN_BF16}}},
    {"parameter_dtype",
     VKN_BATCH,
     FORWARD,
     FORWARD,
     {{DTYPE, LIKE_X, 0, VKN_F16}},
     {{DTYPE, WEIGHT, 0, VKN_F16}, {DTYPE, BIAS, 0, VKN_F16}}},
    {"present: bias", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{ABSENT, BIAS, 0, 0}}},
    {"present: statistics", VKN_LAYER, FORWARD, FORWARD, {{0}}, {{ABSENT, STATISTICS, 0, 0}}},
    {"present: residual", VKN_GROUP, FORWARD, FORWARD, {{0}}, {{GIVEN, RESIDUAL, 0, 0}}},
    {"present: h", VKN_GROUP, FORWARD, FORWARD, {{GIVEN, RESIDUAL, 0, 0}}, {{GIVEN, H, 0, 0}}},
    {"present: dx", VKN_LAYER, BACKWARD, BACKWARD, {{0}}, {{ABSENT, DX, 0, 0}}},
    {"present: dweight", VKN_BATCH, BACKWARD, BACKWARD, {{0}}, {{ABSENT, DWEIGHT, 0, 0}}},
    {"training", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{TRAINING, X, 0, false}}},
    {"from_running",
     VKN_BATCH,
     BACKWARD,
     BACKWARD,
     {{GIVEN, RUNNING_MEAN, 0, 0}, {GIVEN, RUNNING_VAR, 0, 0}},
     {{TRAINING, X, 0, false}}},
    {"accumulate", VKN_RMS, BACKWARD, BACKWARD, {{0}}, {{ACCUMULATE, X, 0, true}}},
    {"biased_running_var", VKN_INSTANCE, FORWARD, FORWARD, {{0}}, {{BIASED_RUNNING_VAR, X, 0, true}}},
    {"per_sample",
     VKN_BATCH,
     FORWARD,
     FORWARD,
     {{0}},
     {{SIZE, WEIGHT, 0, SAMPLES *CHANNELS}, {SIZE, BIAS, 0, SAMPLES *CHANNELS}}},
    {"words",
     VKN_LAYER,
     FORWARD,
     FORWARD,
     {NO_PARAMETERS, {ABSENT, STATISTICS, 0, 0}, {SIZE, LIKE_X, 2, 4}, {SHIFT, Y, 0, 8}},
     {{SHIFT, Y, 0, 4}}},
};

// The second call has the plan of the first, at other places.
static const struct pair alike[] = {
    {"the same", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{0}}},
    {"elsewhere in its buffer", VKN_BATCH, FORWARD, FORWARD, {{0}}, {{SHIFT, Y, 0, 4}, {SHIFT, WEIGHT, 0, 256}}},
    {"another buffer", VKN_GROUP, BACKWARD, BACKWARD, {{0}}, {{OVER, DBIAS, DWEIGHT, 64}}},
    {"what lies beyond the rank",
     VKN_LAYER,
     FORWARD,
     FORWARD,
     {{RANK, LIKE_X, 0, 2}, NO_PARAMETERS, {ABSENT, STATISTICS, 0, 0}},
     {{SIZE, LIKE_X, 2, 9}}},
    {"moments", VKN_BATCH, NORM_MOMENTS, NORM_MOMENTS, {{0}}, {{SHIFT, MOMENTS, 0, 64}}},
};

static vkn_context *lender;

static int setup(void **state) {
    (void)state;
    interpose.stand_in = commands_stand_in;
    return vkn_context_create(NULL, &lender) ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    vkn_context_destroy(lender);
    return 0;
}

// The commands of the call, into `text` of COMMANDS_TEXT.
static void record(vkn_recorder *recorder, const struct call *c, const struct call_boxes *boxes, char *text) {
    MUST(vkn_recorder_begin(recorder, VK_NULL_HANDLE));
    commands_begin(boxes->tensors, ROLES);
    MUST(call_record(c, recorder));
    memcpy(text, commands.text, sizeof commands.text);
}

static void record_fresh(vkn_context *context, const struct call *c, const struct call_boxes *boxes, char *text) {
    vkn_recorder *fresh = NULL;
    MUST(vkn_recorder_create(context, &fresh));
    record(fresh, c, boxes, text);
    vkn_recorder_destroy(fresh);
}

// The calls in turns on one recorder: each time the commands are those of a recorder that has made no other call.
static void take_turns(vkn_context *context, const struct pair *p, bool differ) {
    enum { ROUNDS = 3 };
    static char text[COMMANDS_TEXT], want[2][COMMANDS_TEXT];
    vkn_recorder *recorder = NULL;
    struct call_boxes boxes = call_boxes_make(context, p->kind);
    struct call calls[] = {call_make(&boxes, p->kind, p->function), call_make(&boxes, p->kind, p->other_function)};
    for (uint32_t i = 0; i < 2; i++) {
        call_change(&calls[i], &boxes, p->both);
        if (i) call_change(&calls[i], &boxes, p->other);
        record_fresh(context, &calls[i], &boxes, want[i]);
    }
    if (differ && strcmp(want[0], want[1]) == 0) fail_msg("%s: both calls record\n%s", p->name, want[0]);
    MUST(vkn_recorder_create(context, &recorder));
    planned = 0;
    for (uint32_t i = 0; i < 2 * ROUNDS; i++) {
        record(recorder, &calls[i % 2], &boxes, text);
        if (strcmp(text, want[i % 2]) != 0)
            fail_msg("%s: call %u records\n%sand alone\n%s", p->name, i, text, want[i % 2]);
        uint32_t wanted = differ && i > 0 ? 2 : 1;
        if (planned != wanted) fail_msg("%s: %u plans after call %u, must be %u", p->name, planned, i, wanted);
    }
    vkn_recorder_destroy(recorder);
    call_boxes_destroy(&boxes);
}

// Through push descriptors where there are any, and through sets.
static void take_turns_in_all(const struct pair *pairs, size_t count, bool differ) {
    static const uint32_t ways[] = {0, VKN_FEATURE_PUSH_DESCRIPTOR};
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        vkn_context *context = NULL;
        vkn_context_info info = interpose_borrow(lender);
        info.disable = ways[way];
        MUST(vkn_context_create(&info, &context));
        for (size_t i = 0; i < count; i++)
            take_turns(context, &pairs[i], differ);
        vkn_context_destroy(context);
    }
}

static void no_call_gets_anothers_plan(void **state) {
    (void)state;
    take_turns_in_all(different, sizeof different / sizeof *different, true);
}

static void calls_alike_share_a_plan(void **state) {
    (void)state;
    take_turns_in_all(alike, sizeof alike / sizeof *alike, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_of_a_key_counts),  cmocka_unit_test(keys_of_one_hash_are_told_apart),
        cmocka_unit_test(the_oldest_gives_way),       cmocka_unit_test(long_programs_are_not_kept),
        cmocka_unit_test(no_call_gets_anothers_plan), cmocka_unit_test(calls_alike_share_a_plan),
    };
    return cmocka_run_group_tests_name("memo", tests, setup, teardown);
}
