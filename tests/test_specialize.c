// SPDX-License-Identifier: MIT
// Specialization on the host, of every shader: the same instructions with plain constants, which are valid SPIR-V.
#include "pipeline.h" // first: it brings volk

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "shader_code.h"
#include "specialize.h"
#include "specialize_case.h"

struct module {
    const char *name;
    const uint32_t *words;
    size_t count;
};

#define MODULE(name) {#name, name##_spv, sizeof name##_spv / sizeof(uint32_t)},
#define EACH(name) MODULE(name) MODULE(name##_narrow) MODULE(name##_halves)
#define PLAIN(name) MODULE(name)
#define SUBGROUP(name) MODULE(name) MODULE(name##_subgroup)
#define SUBGROUP_NARROW(name) SUBGROUP(name) MODULE(name##_narrow) MODULE(name##_subgroup_narrow)
#define HALVES(name) EACH(name)
#define SUBGROUP_HALVES(name) EACH(name) EACH(name##_subgroup)
#define X(id, name, bindings, writes, push, variants, uses) variants(name)
static const struct module modules[] = {VKN_SHADERS(X)};
#undef X
enum { MODULES = sizeof modules / sizeof *modules };

// Constants as plans make them, by constant_id; no two numbers of a set are the same where arrays depend on them.
static const uint32_t constants[][VKN_CONSTANT_COUNT] = {
    {128, 32, 32, 8, 1, 1, 1, VKN_AFFINE_ELEMENT, 0, 0, 0, 0, 0, 1, 1, 0, 1, 4},
    {64, 64, 4, 7, 0, 0, 1, VKN_AFFINE_UNIT, VKN_STORAGE_F16, VKN_STORAGE_F32, VKN_ACT_SILU, VKN_ADD_AFTER, 1, 0, 0, 1,
     1, 3},
    {32, 8, 1, 3, 1, 0, 0, VKN_AFFINE_ELEMENT, VKN_STORAGE_BF16, VKN_STORAGE_BF16, VKN_ACT_RELU, VKN_ADD_BEFORE, 0, 1,
     1, 1, 16, 2},
    {256, 1, 1, 1, 0, 1, 1, VKN_AFFINE_OUTER, VKN_STORAGE_F32, VKN_STORAGE_F16, 0, 0, 0, 0, 0, 0, 4, 1},
    {1024, 1024, 64, 5, 1, 1, 0, VKN_AFFINE_SPAN, 0, 0, VKN_ACT_RELU, 0, 1, 1, 0, 0, 1, 4},
};
enum { SETS = sizeof constants / sizeof *constants };

// The constant_id of each id, or VKN_CONSTANT_COUNT.
static uint32_t *constant_ids(const struct module *m) {
    uint32_t bound = m->words[VKN_SPIRV_BOUND], *ids = malloc(bound * sizeof *ids);
    if (!ids) abort();
    for (uint32_t i = 0; i < bound; i++)
        ids[i] = VKN_CONSTANT_COUNT;
    for (size_t at = HEADER_WORDS; at < m->count; at += m->words[at] >> 16) {
        const uint32_t *in = m->words + at;
        if (in[0] == (4u << 16 | OP_DECORATE) && in[2] == SPEC_ID) ids[in[1]] = in[3];
    }
    return ids;
}

// Whether `out` is what stands for `in`, an instruction of a specialization constant.
static bool is_constant_of(const uint32_t *out, const uint32_t *in, uint32_t constant_id, const uint32_t *values) {
    uint32_t opcode = in[0] & 0xffff, made = out[0] & 0xffff;
    if (opcode == OP_SPEC_CONSTANT_COMPOSITE)
        return out[0] == ((in[0] & ~0xffffu) | OP_CONSTANT_COMPOSITE) &&
               memcmp(out + 1, in + 1, ((in[0] >> 16) - 1) * sizeof *in) == 0;
    bool boolean = made == OP_CONSTANT_TRUE || made == OP_CONSTANT_FALSE;
    if (out[1] != in[1] || out[2] != in[2] || out[0] >> 16 != (boolean ? 3 : 4)) return false;
    if (!boolean && made != OP_CONSTANT) return false;
    if (opcode == OP_SPEC_CONSTANT_OP) return true;
    if (constant_id == VKN_CONSTANT_COUNT) return false; // our shaders give each of them one
    return boolean ? (made == OP_CONSTANT_TRUE) == (values[constant_id] != 0) : out[3] == values[constant_id];
}

// The same instructions in the same order, but for those of specialization. Gives the number of constants.
static uint32_t check_instructions(const struct module *m, const uint32_t *out, size_t written,
                                   const uint32_t *values) {
    uint32_t *ids = constant_ids(m), given = 0;
    size_t to = HEADER_WORDS;
    assert_memory_equal(out, m->words, HEADER_WORDS * sizeof *out);
    for (size_t at = HEADER_WORDS; at < m->count; at += m->words[at] >> 16) {
        const uint32_t *in = m->words + at, length = in[0] >> 16, opcode = in[0] & 0xffff;
        if (opcode == OP_DECORATE && in[2] == SPEC_ID) continue;
        uint32_t own = to < written ? out[to] >> 16 : 0;
        assert_true(own > 0 && own <= written - to);
        bool special = opcode >= OP_SPEC_CONSTANT_TRUE && opcode <= OP_SPEC_CONSTANT_OP;
        if (special ? !is_constant_of(out + to, in, ids[in[2]], values)
                    : own != length || memcmp(out + to, in, length * sizeof *in) != 0)
            fail_msg("%s: the instruction at word %zu, opcode %u, became opcode %u", m->name, at, opcode,
                     out[to] & 0xffff);
        given += special && ids[in[2]] < VKN_CONSTANT_COUNT;
        to += own;
    }
    assert_int_equal(to, written);
    free(ids);
    return given;
}

static void every_shader_has_plain_constants(void **state) {
    (void)state;
    assert_int_equal(MODULES, 63);
    for (size_t i = 0; i < (size_t)MODULES * SETS; i++) {
        const struct module *m = &modules[i / SETS];
        const uint32_t *values = constants[i % SETS];
        size_t written, again;
        uint32_t *out = specialized(m->words, m->count, values, VKN_CONSTANT_COUNT, 0, &written);
        uint32_t *other = specialized(m->words, m->count, values, VKN_CONSTANT_COUNT, 0xff, &again);
        if (written == 0) fail_msg("%s: not specialized", m->name);
        assert_true(check_instructions(m, out, written, values) > 0);
        assert_int_equal(written, again);
        assert_memory_equal(out, other, written * sizeof *out);
        free(out);
        free(other);
    }
}

// Whether a module has an array of so many elements.
static bool has_array(const uint32_t *words, size_t count, uint32_t elements) {
    for (size_t at = HEADER_WORDS; at < count; at += words[at] >> 16) {
        if ((words[at] & 0xffff) != OP_TYPE_ARRAY) continue;
        for (size_t of = HEADER_WORDS; of < count; of += words[of] >> 16)
            if (words[of] == (4u << 16 | OP_CONSTANT) && words[of + 2] == words[at + 3] && words[of + 3] == elements)
                return true;
    }
    return false;
}

// What a lane holds has BLOCK words; shared memory has 2 * WORKGROUP / CLUSTER.
static void arrays_follow(void **state) {
    (void)state;
    static const struct module m = {"norm_row", norm_row_spv, sizeof norm_row_spv / sizeof(uint32_t)};
    for (size_t i = 0; i < SETS; i++) {
        const uint32_t *v = constants[i];
        size_t written;
        uint32_t *out = specialized(m.words, m.count, v, VKN_CONSTANT_COUNT, 0, &written);
        assert_true(has_array(out, written, v[VKN_CONSTANT_BLOCK]));
        assert_true(has_array(out, written, 2 * v[VKN_CONSTANT_WORKGROUP] / v[VKN_CONSTANT_CLUSTER]));
        free(out);
    }
}

static int validate(char *path) {
    extern char **environ;
    char name[] = "spirv-val", option[] = "--target-env", environment[] = "vulkan1.1";
    char *arguments[] = {name, option, environment, path, NULL};
    pid_t child;
    int status;
    if (posix_spawn(&child, SPIRV_VAL, NULL, NULL, arguments, environ) != 0) fail_msg("%s does not start", SPIRV_VAL);
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}

static void every_shader_is_valid(void **state) {
    (void)state;
    char path[] = "module.spv";
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(file >= 0);
    int faults = 0;
    for (size_t i = 0; i < MODULES; i++) {
        size_t written;
        uint32_t *out =
            specialized(modules[i].words, modules[i].count, constants[i % SETS], VKN_CONSTANT_COUNT, 0, &written);
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, out, written * sizeof *out, 0), written * sizeof *out);
        free(out);
        if (validate(path) == 0) continue;
        print_error("%s, constants %zu: not valid\n", modules[i].name, i % SETS);
        faults++;
    }
    close(file);
    unlink(path);
    assert_int_equal(faults, 0);
}

// A module may end where an instruction does, and nowhere else.
static void truncated_modules_are_refused(void **state) {
    (void)state;
    static const struct module m = {"merge_stats", merge_stats_spv, sizeof merge_stats_spv / sizeof(uint32_t)};
    size_t next = HEADER_WORDS;
    for (size_t count = 0; count <= m.count; count++) {
        size_t written;
        free(specialized(m.words, count, constants[0], VKN_CONSTANT_COUNT, 0xff, &written));
        assert_int_equal(written > 0, count == next);
        if (count == next && count < m.count) next += m.words[count] >> 16;
    }
    assert_int_equal(next, m.count);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shader_has_plain_constants),
        cmocka_unit_test(arrays_follow),
        cmocka_unit_test(every_shader_is_valid),
        cmocka_unit_test(truncated_modules_are_refused),
    };
    return cmocka_run_group_tests_name("specialize", tests, folder_enter, folder_leave);
}
