// SPDX-License-Identifier: MIT
// Plans run by hand, over many shapes: WHOLE stands for what is so, and records are written before they are merged,
// inside scratch memory.
#include "plan_case.h" // first: it brings volk

#include "any_limits.h"
#include "plan_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// What is tried: every combination.
static const struct {
    vkn_kind kind;
    uint32_t groups;
    vkn_layout layout;
} norms[] = {
    {VKN_BATCH, 1, VKN_CHANNELS_FIRST},   {VKN_BATCH, 1, VKN_CHANNELS_LAST},  {VKN_INSTANCE, 1, VKN_CHANNELS_FIRST},
    {VKN_INSTANCE, 1, VKN_CHANNELS_LAST}, {VKN_GROUP, 4, VKN_CHANNELS_FIRST}, {VKN_GROUP, 4, VKN_CHANNELS_LAST},
    {VKN_LAYER, 1, VKN_CHANNELS_FIRST},   {VKN_RMS, 1, VKN_CHANNELS_FIRST},
};
static const uint32_t samples[] = {1, 7, 8}, channels[] = {4, 72}, runs[] = {1, 7, 40, 64, 260, 1024, 4096};
static const uint64_t binding_bytes[] = {1 << 14, 1 << 16, UINT32_MAX};
static const char *const limits_texts[] = {"", "team=4", "team=128"};
static const struct {
    planner *plan;
    vkn_request request;
} calls[] = {
    {vkn_plan_forward, {.present = FORWARD}},
    {vkn_plan_forward, {.present = FORWARD | BIT(VKN_MOMENTS), .per_sample = true}},
    {vkn_plan_backward, {.present = BACKWARD | BIT(VKN_STATISTICS)}},
    {vkn_plan_backward, {.present = BACKWARD | BIT(VKN_STATISTICS), .per_sample = true}},
    {vkn_plan_backward, {.present = BACKWARD, .dtype = VKN_F16}},
    {vkn_plan_backward, {.present = BACKWARD | RUNNING, .from_running = true}},
    {vkn_plan_moments, {.present = BIT(VKN_X) | BIT(VKN_MOMENTS)}},
    {vkn_plan_sums, {.present = (BACKWARD & ~BIT(VKN_DX)) | BIT(VKN_STATISTICS) | BIT(VKN_SUMS)}},
};

static const uint32_t rows_shaders = 1u << VKN_SHADER_NORM_ROW | 1u << VKN_SHADER_NORM_ROW_GRAD |
                                     1u << VKN_SHADER_STATS_ROWS | 1u << VKN_SHADER_APPLY_ROWS |
                                     1u << VKN_SHADER_GRAD_STATS_ROWS | 1u << VKN_SHADER_GRAD_APPLY_ROWS;
static const uint32_t columns_shaders = 1u << VKN_SHADER_NORM_COLUMNS | 1u << VKN_SHADER_STATS_COLUMNS |
                                        1u << VKN_SHADER_APPLY_COLUMNS | 1u << VKN_SHADER_GRAD_STATS_COLUMNS |
                                        1u << VKN_SHADER_GRAD_APPLY_COLUMNS;
static const uint32_t merge_shaders = 1u << VKN_SHADER_MERGE_STATS | 1u << VKN_SHADER_MERGE_SUMS;

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

// ---- WHOLE: what each team of the dispatch has, as rows.glsl gives it -------------------------------------------
struct part {
    uint32_t unit, units, number, outers, run;
};

static struct part part_of_team(const struct vkn_rows_push *push, uint32_t team) {
    uint32_t run_part = team % push->run_parts, rest = team / push->run_parts;
    uint32_t unit_teams = (push->units + push->unit_step - 1) / push->unit_step;
    uint32_t unit = rest % unit_teams * push->unit_step, outer_part = rest / unit_teams;
    return (struct part){.unit = push->unit_first + unit,
                         .units = least(push->unit_step, push->units - unit),
                         .number = outer_part * push->run_parts + run_part,
                         .outers = least(push->outer_step, push->outers - outer_part * push->outer_step),
                         .run = least(push->run_step, push->run - run_part * push->run_step)};
}

// Whether every word of every block that each lane goes through has four elements.
static bool words_exist(const vkn_pass *pass, const struct part *p) {
    const struct vkn_rows_push *push = &pass->push.rows;
    uint32_t team_lanes = pass->constants.value[VKN_CONSTANT_LANES], words = (p->run + 3) / 4;
    uint32_t block = pass->constants.value[VKN_CONSTANT_BLOCK];
    uint32_t together = pass->constants.value[VKN_CONSTANT_WORDS]; // neighbouring words of a lane
    for (uint32_t lane = 0; lane < team_lanes; lane++) {
        uint32_t outer = lane * together / words, word = lane * together % words;
        for (uint32_t step = 0; step < p->outers * words; step += block * team_lanes) {
            for (uint32_t k = 0; k < block; k++) {
                if (outer >= p->outers || word * 4 + 4 > p->run) return false;
                bool last = k % together == together - 1;
                outer += last ? push->next_outer : 0;
                word += last ? push->next_word : 1;
                if (word >= words) {
                    outer++;
                    word -= words;
                }
            }
        }
    }
    return true;
}

static bool everything_exists(const vkn_pass *pass) {
    const struct vkn_rows_push *push = &pass->push.rows;
    const uint32_t *constant = pass->constants.value;
    uint64_t teams = (uint64_t)pass->workgroups * (constant[VKN_CONSTANT_WORKGROUP] / constant[VKN_CONSTANT_LANES]);
    // A team of whole rows that waits for no other does without those that it does not have.
    bool alone = (pass->shader == VKN_SHADER_NORM_ROW || pass->shader == VKN_SHADER_NORM_ROW_GRAD) &&
                 constant[VKN_CONSTANT_LANES] <= constant[VKN_CONSTANT_CLUSTER];
    if (!alone && (teams != push->teams || push->unit_step % constant[VKN_CONSTANT_ROWS])) return false;
    struct part before = {0};
    for (uint32_t team = 0; team < push->teams; team++) {
        struct part p = part_of_team(push, team);
        if (!alone && p.units != push->unit_step) return false;
        if ((p.outers != before.outers || p.run != before.run) && !words_exist(pass, &p)) return false;
        before = p;
    }
    return true;
}

// ---- Records: which are written, and read after that -------------------------------------------------------------
struct records {
    unsigned char *written; // since the last were read
    uint64_t bytes;         // of scratch memory
    uint32_t each;          // bytes of one
    bool were_read;
};

static void write_record(struct records *r, const vkn_binding *binding, uint64_t index) {
    assert_true(index < binding->bytes / r->each);
    index += binding->first / r->each;
    assert_true(index < r->bytes / r->each);
    r->written[index] = 1;
}

static void write_rows(struct records *r, const vkn_pass *pass, const vkn_binding *to) {
    const struct vkn_rows_push *push = &pass->push.rows;
    bool row_grad = pass->shader == VKN_SHADER_NORM_ROW_GRAD;
    uint32_t elements = pass->constants.value[VKN_CONSTANT_SUMS];
    uint32_t teams_each = pass->constants.value[VKN_CONSTANT_WORKGROUP] / pass->constants.value[VKN_CONSTANT_LANES];
    uint32_t rows = pass->constants.value[VKN_CONSTANT_ROWS], of_team = rows > 1 ? push->unit_step / rows : 1;
    for (uint32_t team = 0; team < push->teams; team++) {
        struct part p = part_of_team(push, team);
        if (!row_grad) {
            write_record(r, to, push->record_first + (uint64_t)p.number * push->record_units + p.unit);
        } else if (!elements) {
            for (uint32_t i = 0; i < p.units; i++)
                write_record(r, to, (uint64_t)push->record_first + p.unit + i);
        } else {
            uint64_t number = elements == VKN_SUMS_WORKGROUP ? team / teams_each : team;
            for (uint64_t i = 0; i < (uint64_t)of_team * push->run; i++)
                write_record(r, to, push->record_first + number * of_team * push->run + i);
        }
    }
}

static void write_columns(struct records *r, const vkn_pass *pass, const vkn_binding *to) {
    const struct vkn_columns_push *push = &pass->push.columns;
    uint32_t words = pass->constants.value[VKN_CONSTANT_WORDS], piece = least(words, 4);
    for (uint32_t i = 0; i < push->teams * words; i++) {
        uint32_t stretch = i / words % push->stretches, rest = i / words / push->stretches, plane = rest / push->parts;
        uint32_t lane = stretch % push->neighbours, own = i % words / piece;
        uint32_t number = (stretch - lane) * (words / piece) + own * push->neighbours + lane;
        uint32_t column = (number * piece + i % words % piece) * 4;
        uint64_t unit = push->unit_first + (uint64_t)plane * push->unit_pitch + column;
        for (uint32_t k = 0; column + k < push->columns && k < 4; k++)
            write_record(r, to, push->record_first + (uint64_t)(rest % push->parts) * push->record_units + unit + k);
    }
}

static void read_records(const struct records *r, const vkn_pass *pass, const vkn_binding *from) {
    const struct vkn_merge_push *push = &pass->push.merge;
    for (uint32_t j = 0; j < push->teams; j++) {
        uint64_t start =
            (uint64_t)(j / push->width) * push->row_stride + (uint64_t)(j % push->width) * push->output_stride;
        for (uint32_t k = 0; k < push->parts * push->fan; k++) {
            uint64_t index =
                start + (uint64_t)(k / push->fan) * push->part_stride + (uint64_t)(k % push->fan) * push->fan_stride;
            assert_true(index < from->bytes / r->each);
            assert_true(r->written[from->first / r->each + index]);
        }
    }
}

static void check_records(struct records *r, const vkn_pass *pass) {
    uint32_t shader = 1u << pass->shader;
    for (uint32_t b = 0; b < VKN_MAX_BINDINGS; b++) {
        const vkn_binding *binding = &pass->bindings[b];
        if (binding->operand != VKN_RECORDS) continue;
        assert_true(binding->first + binding->bytes <= r->bytes);
        if (shader & merge_shaders) {
            assert_int_equal(binding->element_bytes, r->each);
            read_records(r, pass, binding);
            r->were_read = true;
            continue;
        }
        if (r->were_read) memset(r->written, 0, r->bytes / VKN_SUMS_BYTES);
        r->were_read = false;
        r->each = binding->element_bytes;
        if (shader & rows_shaders) write_rows(r, pass, binding);
        if (shader & columns_shaders) write_columns(r, pass, binding);
    }
}

// ---- All of them ---------------------------------------------------------------------------------------------------
struct tally {
    uint64_t plans, whole, partial, one_outer, records;
};

// Where a unit is one part WHOLE is also not left out; else it may be, because the last part is a shorter one.
static void check_whole(const vkn_pass *pass, struct tally *tally) {
    const struct vkn_rows_push *push = &pass->push.rows;
    bool whole = pass->constants.value[VKN_CONSTANT_WHOLE],
         one = push->run_parts == 1 && push->outer_step == push->outers;
    // What shaders do not ask for: the part, and the row of weights that rows share; or a second unit.
    if (pass->shader != VKN_SHADER_NORM_ROW && pass->shader != VKN_SHADER_NORM_ROW_GRAD) {
        assert_int_equal(push->unit_step, 1);
    } else {
        assert_true(one);
        assert_int_equal(push->teams, (push->units + push->unit_step - 1) / push->unit_step);
        if (pass->constants.value[VKN_CONSTANT_AFFINE] == VKN_AFFINE_ELEMENT) assert_int_equal(push->affine_stride, 0);
    }
    if (whole || one) assert_int_equal(whole, pass->constants.value[VKN_CONSTANT_VECTOR] && everything_exists(pass));
    *(whole ? &tally->whole : &tally->partial) += 1;
}

// ONE_OUTER is told of no block that goes from one outer into the next; and where each team has but one.
static void check_one_outer(const vkn_pass *pass, struct tally *tally) {
    const struct vkn_rows_push *push = &pass->push.rows;
    const uint32_t *constant = pass->constants.value;
    uint32_t block = constant[VKN_CONSTANT_LANES] * constant[VKN_CONSTANT_BLOCK];
    if (push->outer_step <= 1) assert_true(constant[VKN_CONSTANT_ONE_OUTER]);
    tally->one_outer += constant[VKN_CONSTANT_ONE_OUTER] && push->outer_step > 1;
    for (uint32_t team = 0; constant[VKN_CONSTANT_ONE_OUTER] && team < push->teams; team++) {
        struct part p = part_of_team(push, team);
        if (p.outers > 1) assert_int_equal((p.run + 3) / 4 % block, 0);
    }
}

// Columns: each word of each invocation exists, and is four elements.
static void check_whole_columns(const vkn_pass *pass) {
    const uint32_t *constant = pass->constants.value;
    const struct vkn_columns_push *push = &pass->push.columns;
    bool all = push->columns == push->stretches * constant[VKN_CONSTANT_WORDS] * 4;
    assert_int_equal(constant[VKN_CONSTANT_WHOLE], constant[VKN_CONSTANT_VECTOR] && all);
}

static void check_plan(const vkn_plan *plan, struct tally *tally) {
    struct records records = {.bytes = plan->scratch[VKN_RECORDS]};
    records.written = calloc(records.bytes / VKN_SUMS_BYTES + 1, 1);
    assert_non_null(records.written);
    tally->plans++;
    tally->records += records.bytes / VKN_MOMENTS_BYTES;
    for (uint32_t i = 0; i < plan->count; i++) {
        const vkn_pass *pass = &plan->passes[i];
        if ((1u << pass->shader) & rows_shaders) {
            check_whole(pass, tally);
            check_one_outer(pass, tally);
        } else if ((1u << pass->shader) & columns_shaders) {
            check_whole_columns(pass);
        } else {
            assert_false(pass->constants.value[VKN_CONSTANT_WHOLE]);
        }
        check_records(&records, pass);
    }
    free(records.written);
}

static void check_shape(const struct norm_case *c, const vkn_limits *limits, vkn_plan *plan, struct tally *tally) {
    vkn_geometry g = geometry_of(c);
    bool tracks = c->norm.kind == VKN_BATCH || c->norm.kind == VKN_INSTANCE;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i].request.from_running && !tracks) continue;
        vkn_result result = calls[i].plan(plan, &g, limits, &calls[i].request);
        // One statistic group's records may be more than a small binding sees.
        if (result == VKN_UNSUPPORTED && limits->binding_elements < 1 << 18) continue;
        MUST(result);
        check_plan(plan, tally);
    }
}

static void check_shapes(const vkn_limits *limits, vkn_plan *plan, struct tally *tally) {
    enum { NORMS = sizeof norms / sizeof *norms, N = sizeof samples / 4, C = sizeof channels / 4, S = sizeof runs / 4 };
    for (uint32_t i = 0; i < NORMS * N * C * S; i++) {
        uint32_t k = i % NORMS;
        const struct norm_case c = {NORM(norms[k].kind, norms[k].groups),
                                    norms[k].layout,
                                    3,
                                    {samples[i / NORMS % N], channels[i / (NORMS * N) % C], runs[i / (NORMS * N * C)]},
                                    DATA_NORMAL,
                                    SIZE_SMALL};
        check_shape(&c, limits, plan, tally);
    }
}

static size_t device_numbers[DEVICES] = {DEVICE_GPU, DEVICE_PHONE, DEVICE_CPU, DEVICE_LEAST};

static void whole_and_records_are_true(void **state) {
    const struct device *device = &devices[*(const size_t *)*state];
    vkn_plan plan = {0};
    struct tally tally = {0};
    for (size_t b = 0; b < sizeof binding_bytes / sizeof *binding_bytes; b++) {
        vkn_device_info info = device->info;
        info.max_binding_bytes = binding_bytes[b];
        for (size_t l = 0; l < sizeof limits_texts / sizeof *limits_texts; l++) {
            vkn_limits limits = vkn_limits_make(&info);
            MUST(vkn_limits_set(&limits, &info, "", limits_texts[l]));
            check_shapes(&limits, &plan, &tally);
        }
    }
    print_message("%s: %llu plans, %llu records, %llu passes whole, %llu not\n", device->name,
                  (unsigned long long)tally.plans, (unsigned long long)tally.records, (unsigned long long)tally.whole,
                  (unsigned long long)tally.partial);
    assert_true(tally.plans && tally.records && tally.partial && tally.one_outer);
    assert_int_equal(tally.whole > 0, (device->info.used & VKN_FEATURE_VECTOR) != 0);
    free(plan.passes);
}

// Whatever the numbers are, plans are right.
static void any_limits_will_do(void **state) {
    enum { ANY = 6 };
    const size_t number = *(const size_t *)*state;
    vkn_plan plan = {0};
    struct tally tally = {0};
    for (uint32_t seed = 0; seed < ANY; seed++) {
        vkn_device_info info = devices[number].info;
        info.max_binding_bytes = binding_bytes[seed % 3];
        info.max_workgroups = 65535; // small parts are many
        vkn_limits limits = vkn_limits_make(&info);
        char text[sizeof info.limits];
        any_limits(&info, (uint32_t)number * ANY + seed, text, sizeof text);
        print_message("%s\n", text);
        MUST(vkn_limits_set(&limits, &info, "", text));
        check_shapes(&limits, &plan, &tally);
    }
    assert_true(tally.plans && tally.records);
    free(plan.passes);
}

int main(void) {
    struct CMUnitTest tests[2 * DEVICES];
    for (size_t i = 0; i < DEVICES; i++) {
        tests[i] = (struct CMUnitTest){devices[i].name, whole_and_records_are_true, NULL, NULL, &device_numbers[i]};
        tests[DEVICES + i] = (struct CMUnitTest){devices[i].name, any_limits_will_do, NULL, NULL, &device_numbers[i]};
    }
    return cmocka_run_group_tests_name("plan_records", tests, NULL, NULL);
}
