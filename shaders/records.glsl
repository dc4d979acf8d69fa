// SPDX-License-Identifier: MIT
// Writing the records of columns: vec4 (moments) or vec2 (sums).
#define RECORDS(slot, type)                                                                                    \
    layout(std430, set = 0, binding = slot) writeonly buffer records { type record_at[]; };                    \
    void record_store(Columns c, Word word, uint column, type record) {                                        \
        bool exists = column < word.valid && lane_index() == 0u;                                               \
        if (exists) record_at[push.record_first + c.part * push.record_units + word.unit + column] = record;   \
    }
