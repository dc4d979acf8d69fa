// SPDX-License-Identifier: MIT
// What specialization is tried with: its words, and a call with blocks of its own.
#ifndef TESTS_SPECIALIZE_CASE_H
#define TESTS_SPECIALIZE_CASE_H
#include <stddef.h>
#include <stdint.h>

enum {
    HEADER_WORDS = 5,
    OP_TYPE_BOOL = 20,
    OP_TYPE_INT = 21,
    OP_TYPE_ARRAY = 28,
    OP_CONSTANT_TRUE = 41,
    OP_CONSTANT_FALSE = 42,
    OP_CONSTANT = 43,
    OP_CONSTANT_COMPOSITE = 44,
    OP_SPEC_CONSTANT_TRUE = 48,
    OP_SPEC_CONSTANT_FALSE = 49,
    OP_SPEC_CONSTANT = 50,
    OP_SPEC_CONSTANT_COMPOSITE = 51,
    OP_SPEC_CONSTANT_OP = 52,
    OP_DECORATE = 71,
    SPEC_ID = 1,
};

// Specializes copies in blocks that end where they end, for AddressSanitizer to watch; what they hold before, bytes of
// `filling`, does not matter. Gives a block.
uint32_t *specialized(const uint32_t *words, size_t count, const uint32_t *values, uint32_t value_count, int filling,
                      size_t *written);

#endif
