// SPDX-License-Identifier: MIT
// Writing the records of four columns.
#define RECORDS(slot)                                                                                       \
    layout(std430, set = 0, binding = slot) writeonly buffer records { vec4 record_at[]; };                 \
    void records_store(Columns c, Word w, vec4 a, vec4 b, vec4 d, vec4 e) {                                 \
        uint first = push.record_first + c.part * push.record_units + w.unit;                               \
        if (w.valid > 0u) record_at[first] = vec4(a.x, b.x, d.x, e.x);                                      \
        if (w.valid > 1u) record_at[first + 1u] = vec4(a.y, b.y, d.y, e.y);                                 \
        if (w.valid > 2u) record_at[first + 2u] = vec4(a.z, b.z, d.z, e.z);                                 \
        if (w.valid > 3u) record_at[first + 3u] = vec4(a.w, b.w, d.w, e.w);                                 \
    }
