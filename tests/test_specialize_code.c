// SPDX-License-Identifier: MIT
// Specialization on the host of small modules: what is computed, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "specialize_case.h"

enum { MOST_WORDS = 64 };

// ---- Small modules -----------------------------------------------------------------------------------------------
struct code {
    uint32_t words[MOST_WORDS];
    size_t count;
};

static void add(struct code *c, uint32_t opcode, uint32_t operands, const uint32_t *operand) {
    assert_true(c->count + 1 + operands <= MOST_WORDS);
    c->words[c->count++] = (operands + 1) << 16 | opcode;
    memcpy(c->words + c->count, operand, operands * sizeof *operand);
    c->count += operands;
}
#define ADD(code, opcode, ...)                                                                                         \
    add(code, opcode, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (const uint32_t[]){__VA_ARGS__})

// Ids: the types, the specialization constants a, b, c, and what is computed from them.
enum { INT = 1, BOOL, A, B, C, RESULT, BOUND };

static struct code begin(void) {
    return (struct code){{0x07230203, 0x00010300, 0, BOUND, 0}, HEADER_WORDS};
}

// Constants `a`, `b`, `c` of the type, by constant_id 0, 1 and 2.
static struct code with_constants(uint32_t type) {
    struct code m = begin();
    for (uint32_t i = 0; i < 3; i++)
        ADD(&m, OP_DECORATE, A + i, SPEC_ID, i);
    ADD(&m, OP_TYPE_INT, INT, 32, 0);
    ADD(&m, OP_TYPE_BOOL, BOOL);
    for (uint32_t i = 0; i < 3; i++) {
        if (type == BOOL)
            ADD(&m, OP_SPEC_CONSTANT_FALSE, BOOL, A + i);
        else
            ADD(&m, OP_SPEC_CONSTANT, INT, A + i, 99);
    }
    return m;
}

static size_t specialize_code(const struct code *c, const uint32_t *values, uint32_t value_count, struct code *out) {
    size_t written;
    uint32_t *words = specialized(c->words, c->count, values, value_count, 0xff, &written);
    memcpy(out->words, words, written * sizeof *words);
    out->count = written;
    free(words);
    return written;
}

#define COMPUTATIONS(X)                                                                                                \
    X(128, 2, INT, INT, a + b)                                                                                         \
    X(130, 2, INT, INT, a - b)                                                                                         \
    X(132, 2, INT, INT, a *b)                                                                                          \
    X(134, 2, INT, INT, a / b)                                                                                         \
    X(137, 2, INT, INT, a % b)                                                                                         \
    X(164, 2, BOOL, BOOL, a == b)                                                                                      \
    X(165, 2, BOOL, BOOL, a != b)                                                                                      \
    X(166, 2, BOOL, BOOL, a || b)                                                                                      \
    X(167, 2, BOOL, BOOL, a &&b)                                                                                       \
    X(168, 1, BOOL, BOOL, !a)                                                                                          \
    X(169, 3, BOOL, BOOL, a ? b : c)                                                                                   \
    X(170, 2, INT, BOOL, a == b)                                                                                       \
    X(171, 2, INT, BOOL, a != b)                                                                                       \
    X(172, 2, INT, BOOL, a > b)                                                                                        \
    X(174, 2, INT, BOOL, a >= b)                                                                                       \
    X(176, 2, INT, BOOL, a < b)                                                                                        \
    X(178, 2, INT, BOOL, a <= b)                                                                                       \
    X(194, 2, INT, INT, a >> b)                                                                                        \
    X(196, 2, INT, INT, a << b)                                                                                        \
    X(197, 2, INT, INT, a | b)                                                                                         \
    X(199, 2, INT, INT, a &b)                                                                                          \
    X(200, 1, INT, INT, ~a)

#define X(opcode, operands, of, gives, value)                                                                          \
    static uint32_t computed_##opcode(uint32_t a, uint32_t b, uint32_t c) {                                            \
        (void)b;                                                                                                       \
        (void)c;                                                                                                       \
        return (uint32_t)(value);                                                                                      \
    }
COMPUTATIONS(X)
#undef X

static const struct computation {
    uint32_t opcode, operands, of, gives;
    uint32_t (*value)(uint32_t a, uint32_t b, uint32_t c);
} computations[] = {
#define X(opcode, operands, of, gives, value) {opcode, operands, of, gives, computed_##opcode},
    COMPUTATIONS(X)
#undef X
};

static void check_computation(const struct computation *o, const uint32_t *values) {
    struct code m = with_constants(o->of), out;
    const uint32_t operand[] = {o->gives, RESULT, o->opcode, A, B, C};
    add(&m, OP_SPEC_CONSTANT_OP, 3 + o->operands, operand);
    assert_true(specialize_code(&m, values, 3, &out) > 0);
    uint32_t v[3];
    for (size_t i = 0; i < 3; i++)
        v[i] = o->of == BOOL ? values[i] != 0 : values[i];
    uint32_t wanted = o->value(v[0], v[1], v[2]);
    if (o->gives == INT) {
        const uint32_t end[] = {4u << 16 | OP_CONSTANT, INT, RESULT, wanted};
        assert_memory_equal(out.words + out.count - 4, end, sizeof end);
    } else {
        const uint32_t end[] = {3u << 16 | (wanted ? OP_CONSTANT_TRUE : OP_CONSTANT_FALSE), BOOL, RESULT};
        assert_memory_equal(out.words + out.count - 3, end, sizeof end);
    }
}

static void computes_as_c_does(void **state) {
    (void)state;
    static const uint32_t numbers[] = {0, 1, 2, 3, 7, 31, 32, 1000003, 0x80000000, UINT32_MAX};
    const size_t count = sizeof numbers / sizeof *numbers, pairs = count * count;
    for (size_t i = 0; i < sizeof computations / sizeof *computations; i++) {
        const struct computation *o = &computations[i];
        for (size_t n = 0; n < pairs * 2; n++) {
            const uint32_t v[] = {numbers[n % count], numbers[n / count % count], n < pairs};
            // What neither C nor SPIR-V defines.
            if ((o->opcode == 134 || o->opcode == 137) && v[1] == 0) continue;
            if ((o->opcode == 194 || o->opcode == 196) && v[1] >= 32) continue;
            check_computation(o, v);
        }
    }
}

static const uint32_t three[] = {1, 2, 3};

// A constant that no constant_id names keeps its own value, and constants of constants have theirs.
static void constants_without_an_id_stay(void **state) {
    (void)state;
    struct code m = begin(), out, wanted = begin();
    for (int plain = 0; plain < 2; plain++) {
        struct code *c = plain ? &wanted : &m;
        ADD(c, OP_TYPE_INT, INT, 32, 0);
        ADD(c, OP_TYPE_BOOL, BOOL);
        ADD(c, plain ? OP_CONSTANT : OP_SPEC_CONSTANT, INT, A, 42);
        ADD(c, plain ? OP_CONSTANT_TRUE : OP_SPEC_CONSTANT_TRUE, BOOL, B);
        ADD(c, OP_CONSTANT, INT, C, 8);
    }
    ADD(&m, OP_SPEC_CONSTANT_OP, INT, RESULT, 128, A, C);
    ADD(&wanted, OP_CONSTANT, INT, RESULT, 50);
    assert_int_equal(specialize_code(&m, three, 0, &out), wanted.count);
    assert_memory_equal(out.words, wanted.words, wanted.count * sizeof *wanted.words);
}

// ---- What is not well formed -------------------------------------------------------------------------------------
static void expect_refused(const struct code *c, const char *what) {
    struct code out;
    if (specialize_code(c, three, 3, &out) != 0) fail_msg("taken, must be refused: %s", what);
}

// Each word of an instruction's length, and one beyond.
static void lengths_are_checked(void **state) {
    (void)state;
    struct code m = with_constants(INT);
    ADD(&m, OP_SPEC_CONSTANT_OP, INT, RESULT, 128, A, B);
    for (size_t at = HEADER_WORDS, length; at < m.count; at += length) {
        struct code broken = m;
        length = m.words[at] >> 16;
        broken.words[at] &= 0xffff;
        expect_refused(&broken, "an instruction of length 0");
        broken.words[at] |= (uint32_t)(m.count - at + 1) << 16;
        expect_refused(&broken, "an instruction that ends beyond the module");
    }
}

static void faults_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *what;
        uint32_t operands, words[8]; // from the opcode on
    } faults[] = {
        {"a decorated id at the bound", 3, {OP_DECORATE, BOUND, SPEC_ID, 0}},
        {"a decorated id beyond the bound", 3, {OP_DECORATE, UINT32_MAX, SPEC_ID, 0}},
        {"a constant_id without a value", 3, {OP_DECORATE, A, SPEC_ID, 3}},
        {"the last constant_id", 3, {OP_DECORATE, A, SPEC_ID, UINT32_MAX}},
        {"a constant's id at the bound", 3, {OP_CONSTANT, INT, BOUND, 1}},
        {"a specialization constant's id at the bound", 3, {OP_SPEC_CONSTANT, INT, BOUND, 1}},
        {"a bool's id at the bound", 2, {OP_SPEC_CONSTANT_TRUE, BOOL, BOUND}},
        {"a composite's id at the bound", 3, {OP_SPEC_CONSTANT_COMPOSITE, INT, BOUND, A}},
        {"a result at the bound", 5, {OP_SPEC_CONSTANT_OP, INT, BOUND, 128, A, B}},
        {"an operand at the bound", 5, {OP_SPEC_CONSTANT_OP, INT, RESULT, 128, A, BOUND}},
        {"an operand beyond the bound", 5, {OP_SPEC_CONSTANT_OP, INT, RESULT, 128, UINT32_MAX, A}},
        {"division by zero", 5, {OP_SPEC_CONSTANT_OP, INT, RESULT, 134, A, C}},
        {"the remainder of a division by zero", 5, {OP_SPEC_CONSTANT_OP, INT, RESULT, 137, A, C}},
        {"an instruction that is not known", 5, {OP_SPEC_CONSTANT_OP, INT, RESULT, 129, A, B}},
        {"an addition of one", 4, {OP_SPEC_CONSTANT_OP, INT, RESULT, 128, A}},
        {"an addition of three", 6, {OP_SPEC_CONSTANT_OP, INT, RESULT, 128, A, B, B}},
        {"a computation of nothing", 3, {OP_SPEC_CONSTANT_OP, INT, RESULT, 128}},
        {"a computation of four", 7, {OP_SPEC_CONSTANT_OP, INT, RESULT, 128, A, B, A, B}},
        {"a constant of 64 bits", 4, {OP_SPEC_CONSTANT, INT, RESULT, 1, 0}},
        {"a bool that is not of type bool", 2, {OP_SPEC_CONSTANT_TRUE, INT, RESULT}},
        {"an integer of type bool", 3, {OP_SPEC_CONSTANT, BOOL, RESULT, 1}},
        {"a constant without an id", 1, {OP_SPEC_CONSTANT, INT}},
        {"a constant without a value", 2, {OP_SPEC_CONSTANT, INT, RESULT}},
    };
    const uint32_t values[] = {1, 2, 0};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct code m = with_constants(INT), out;
        assert_true(specialize_code(&m, values, 3, &out) > 0);
        add(&m, faults[i].words[0], faults[i].operands, faults[i].words + 1);
        if (specialize_code(&m, values, 3, &out) != 0) fail_msg("taken, must be refused: %s", faults[i].what);
    }
    struct code m = with_constants(INT), out;
    for (uint32_t count = 0; count < 3; count++)
        assert_int_equal(specialize_code(&m, values, count, &out), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_as_c_does),
        cmocka_unit_test(constants_without_an_id_stay),
        cmocka_unit_test(lengths_are_checked),
        cmocka_unit_test(faults_are_refused),
    };
    return cmocka_run_group_tests_name("specialize_code", tests, NULL, NULL);
}
