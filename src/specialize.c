// SPDX-License-Identifier: MIT
// The layout of instructions is that of the SPIR-V specification, chapters 2.3 and 3.
#include "specialize.h"
#include <string.h>

enum {
    HEADER_WORDS = 5,
    OP_CONSTANT_TRUE = 41,
    OP_CONSTANT_FALSE = 42,
    OP_CONSTANT = 43,
    OP_CONSTANT_COMPOSITE = 44,
    OP_SPEC_CONSTANT_TRUE = 48,
    OP_SPEC_CONSTANT_FALSE = 49,
    OP_SPEC_CONSTANT = 50,
    OP_SPEC_CONSTANT_COMPOSITE = 51,
    OP_SPEC_CONSTANT_OP = 52,
    OP_TYPE_BOOL = 20,
    OP_DECORATE = 71,
    DECORATION_SPEC_ID = 1,
    NO_SPEC_ID = 0, // else 1 + constant_id
};

typedef struct module {
    const uint32_t *values;
    uint32_t value_count, bound;
    uint32_t bool_type;
    uint32_t *spec_ids; // by id
    uint32_t *known;    // by id: the value of a constant of 32 bits, or 0 and 1
} module;

// What OpSpecConstantOp may compute here, of scalars of 32 bits: how many operands an instruction has, and its value.
#define COMPUTATIONS(X)                                                                                                \
    X(128, 2, a + b)               /* OpIAdd */                                                                        \
    X(130, 2, a - b)               /* OpISub */                                                                        \
    X(132, 2, (a * b))             /* OpIMul */                                                                        \
    X(134, 2, b ? a / b : 0)       /* OpUDiv */                                                                        \
    X(137, 2, b ? a % b : 0)       /* OpUMod */                                                                        \
    X(164, 2, a == b)              /* OpLogicalEqual */                                                                \
    X(165, 2, a != b)              /* OpLogicalNotEqual */                                                             \
    X(166, 2, a || b)              /* OpLogicalOr */                                                                   \
    X(167, 2, (a && b))            /* OpLogicalAnd */                                                                  \
    X(168, 1, !a)                  /* OpLogicalNot */                                                                  \
    X(169, 3, a ? b : c)           /* OpSelect */                                                                      \
    X(170, 2, a == b)              /* OpIEqual */                                                                      \
    X(171, 2, a != b)              /* OpINotEqual */                                                                   \
    X(172, 2, a > b)               /* OpUGreaterThan */                                                                \
    X(174, 2, a >= b)              /* OpUGreaterThanEqual */                                                           \
    X(176, 2, a < b)               /* OpULessThan */                                                                   \
    X(178, 2, a <= b)              /* OpULessThanEqual */                                                              \
    X(194, 2, b < 32 ? a >> b : 0) /* OpShiftRightLogical */                                                           \
    X(196, 2, b < 32 ? a << b : 0) /* OpShiftLeftLogical */                                                            \
    X(197, 2, a | b)               /* OpBitwiseOr */                                                                   \
    X(199, 2, (a & b))             /* OpBitwiseAnd */                                                                  \
    X(200, 1, ~a)                  /* OpNot */

static bool compute(uint32_t opcode, const uint32_t *v, uint32_t count, uint32_t *out) {
    uint32_t a = v[0], b = v[1], c = v[2];
    bool divides = opcode == 134 || opcode == 137;
    if (divides && b == 0) return false;
    switch (opcode) {
#define X(code, operands, value)                                                                                       \
    case code:                                                                                                         \
        *out = (uint32_t)(value);                                                                                      \
        return count == (operands);
        COMPUTATIONS(X)
#undef X
    default:
        return false;
    }
}

// An instruction that defines `id` as a constant: bool, or of 32 bits.
static size_t put(module *m, uint32_t *out, uint32_t type, uint32_t id, uint32_t value) {
    bool boolean = type == m->bool_type;
    m->known[id] = boolean ? value != 0 : value;
    uint32_t words = boolean ? 3 : 4;
    out[0] = words << 16 | (uint32_t)(!boolean ? OP_CONSTANT : value ? OP_CONSTANT_TRUE : OP_CONSTANT_FALSE);
    out[1] = type;
    out[2] = id;
    if (!boolean) out[3] = value;
    return words;
}

static size_t put_computed(module *m, uint32_t *out, const uint32_t *in, uint32_t words) {
    uint32_t v[3] = {0}, operands = words - 4, value;
    if (words < 5 || operands > 3) return 0;
    for (uint32_t i = 0; i < operands; ++i) {
        if (in[4 + i] >= m->bound) return 0;
        v[i] = m->known[in[4 + i]];
    }
    return compute(in[3], v, operands, &value) ? put(m, out, in[1], in[2], value) : 0;
}

// The value of a specialization constant: the module's own where it has no constant_id.
static size_t put_given(module *m, uint32_t *out, const uint32_t *in, uint32_t own) {
    uint32_t spec = m->spec_ids[in[2]];
    bool boolean = (in[0] & 0xffffu) != OP_SPEC_CONSTANT;
    if (spec > m->value_count || boolean != (in[1] == m->bool_type)) return 0;
    return put(m, out, in[1], in[2], spec == NO_SPEC_ID ? own : m->values[spec - 1]);
}

// The words that stand for one instruction; 0: it is not known. `dropped`: none do.
static size_t rewrite(module *m, uint32_t *out, const uint32_t *in, uint32_t words, bool *dropped) {
    uint32_t opcode = in[0] & 0xffffu;
    bool constant = opcode >= OP_CONSTANT_TRUE && opcode <= OP_SPEC_CONSTANT_OP;
    if (constant && (words < 3 || in[2] >= m->bound)) return 0;
    switch (opcode) {
    case OP_DECORATE:
        *dropped = words == 4 && in[2] == DECORATION_SPEC_ID;
        break;
    case OP_TYPE_BOOL:
        if (words == 2) m->bool_type = in[1];
        break;
    case OP_CONSTANT_TRUE:
        m->known[in[2]] = 1;
        break;
    case OP_CONSTANT:
        if (words == 4) m->known[in[2]] = in[3];
        break;
    case OP_SPEC_CONSTANT_TRUE:
    case OP_SPEC_CONSTANT_FALSE:
        return put_given(m, out, in, opcode == OP_SPEC_CONSTANT_TRUE);
    case OP_SPEC_CONSTANT:
        return words == 4 ? put_given(m, out, in, in[3]) : 0;
    case OP_SPEC_CONSTANT_OP:
        return put_computed(m, out, in, words);
    default:
        break;
    }
    if (*dropped) return 0;
    memcpy(out, in, words * sizeof *in);
    if (opcode == OP_SPEC_CONSTANT_COMPOSITE) out[0] = words << 16 | OP_CONSTANT_COMPOSITE;
    return words;
}

static bool find_spec_ids(module *m, const uint32_t *words, size_t count) {
    for (size_t at = HEADER_WORDS; at < count; at += words[at] >> 16) {
        uint32_t length = words[at] >> 16;
        if (length == 0 || length > count - at) return false;
        if ((words[at] & 0xffffu) != OP_DECORATE || length != 4 || words[at + 2] != DECORATION_SPEC_ID) continue;
        if (words[at + 1] >= m->bound || words[at + 3] >= m->value_count) return false;
        m->spec_ids[words[at + 1]] = words[at + 3] + 1;
    }
    return true;
}

size_t vkn_specialize(const uint32_t *words, size_t count, const uint32_t *values, uint32_t value_count, uint32_t *out,
                      uint32_t *scratch) {
    if (count < HEADER_WORDS) return 0;
    uint32_t bound = words[VKN_SPIRV_BOUND];
    module m = {values, value_count, bound, 0, scratch, scratch + bound};
    memset(scratch, 0, 2 * (size_t)bound * sizeof *scratch);
    if (!find_spec_ids(&m, words, count)) return 0;
    memcpy(out, words, HEADER_WORDS * sizeof *words);
    size_t written = HEADER_WORDS;
    for (size_t at = HEADER_WORDS; at < count; at += words[at] >> 16) {
        bool dropped = false;
        size_t added = rewrite(&m, out + written, words + at, words[at] >> 16, &dropped);
        if (added == 0 && !dropped) return 0;
        written += added;
    }
    return written;
}
