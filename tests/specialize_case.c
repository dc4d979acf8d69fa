// SPDX-License-Identifier: MIT
#include "specialize_case.h"

#include "specialize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint32_t *specialized(const uint32_t *words, size_t count, const uint32_t *values, uint32_t value_count, int filling,
                      size_t *written) {
    size_t room = count ? count * sizeof *words : 1, value_bytes = value_count * sizeof *values;
    size_t scratch_bytes = count > VKN_SPIRV_BOUND ? 2 * sizeof *words * words[VKN_SPIRV_BOUND] : 1;
    uint32_t *in = malloc(room), *out = malloc(room), *given = malloc(value_bytes + !value_bytes);
    uint32_t *scratch = malloc(scratch_bytes);
    if (!in || !out || !given || !scratch) abort();
    memcpy(in, words, count * sizeof *words);
    memcpy(given, values, value_bytes);
    memset(out, filling, room);
    memset(scratch, filling, scratch_bytes);
    *written = vkn_specialize(in, count, given, value_count, out, scratch);
    assert_true(*written <= count);
    free(in);
    free(given);
    free(scratch);
    return out;
}
