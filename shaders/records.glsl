// SPDX-License-Identifier: MIT
// Writing the records of four columns: moments, or sums.
uint record_of(Columns c, Word w) { return push.record_first + c.part * push.record_units + w.unit; }

#define MOMENTS_RECORDS(slot)                                                                               \
    layout(std430, set = 0, binding = slot) writeonly buffer records { vec4 record_at[]; };                 \
    void moments_store(Columns c, Word w, vec4 mean, vec4 low, vec4 m2, float count) {                      \
        uint first = record_of(c, w);                                                                       \
        if (w.valid > 0u) record_at[first] = vec4(mean.x, low.x, m2.x, count);                              \
        if (w.valid > 1u) record_at[first + 1u] = vec4(mean.y, low.y, m2.y, count);                         \
        if (w.valid > 2u) record_at[first + 2u] = vec4(mean.z, low.z, m2.z, count);                         \
        if (w.valid > 3u) record_at[first + 3u] = vec4(mean.w, low.w, m2.w, count);                         \
    }
#define SUMS_RECORDS(slot)                                                                                  \
    layout(std430, set = 0, binding = slot) writeonly buffer records { vec2 record_at[]; };                 \
    void sums_store(Columns c, Word w, vec4 a, vec4 b) {                                                    \
        uint first = record_of(c, w);                                                                       \
        if (w.valid > 0u) record_at[first] = vec2(a.x, b.x);                                                \
        if (w.valid > 1u) record_at[first + 1u] = vec2(a.y, b.y);                                           \
        if (w.valid > 2u) record_at[first + 2u] = vec2(a.z, b.z);                                           \
        if (w.valid > 3u) record_at[first + 3u] = vec2(a.w, b.w);                                           \
    }
