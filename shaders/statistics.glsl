// SPDX-License-Identifier: MIT
// The statistics of a group: mean (with its low part) and rstd. A statistics record is (mean, low, rstd, variance);
// the running statistics are two bindings, of which a shader that takes them has the second one (RUNNING).
struct Normalizer {
    float mean, low, rstd;
};

#ifdef RUNNING
#define STATISTICS(slot)                                                                           \
    FLOATS(readonly, slot, statistics)                                                             \
    FLOATS(readonly, slot + 1, running_var)                                                        \
    Normalizer normalizer_of(uint group) {                                                         \
        if (has(VKN_STAT_RUNNING))                                                                 \
            return Normalizer(AT(slot, statistics, group), 0.0,                                    \
                              inversesqrt(AT(slot + 1, running_var, group) + push.eps));           \
        return Normalizer(CENTERED ? AT(slot, statistics, group * 4u) : 0.0,                       \
                          CENTERED ? AT(slot, statistics, group * 4u + 1u) : 0.0,                  \
                          AT(slot, statistics, group * 4u + 2u));                                  \
    }
#else
#define STATISTICS(slot)                                                                           \
    FLOATS(readonly, slot, statistics)                                                             \
    Normalizer normalizer_of(uint group) {                                                         \
        return Normalizer(CENTERED ? AT(slot, statistics, group * 4u) : 0.0,                       \
                          CENTERED ? AT(slot, statistics, group * 4u + 1u) : 0.0,                  \
                          AT(slot, statistics, group * 4u + 2u));                                  \
    }
#endif

vec4 normalize_with(Normalizer n, vec4 x) { return ((x - n.mean) - n.low) * n.rstd; }

// Four columns have four of them.
struct ColumnNormalizers {
    vec4 mean, low, rstd;
};

#define COLUMN_STATISTICS                                                                          \
    ColumnNormalizers column_normalizers(Word w)    {                                              \
        ColumnNormalizers all;                                                                     \
        [[unroll]] for (uint k = 0u; k < 4u; ++k) {                                                \
            Normalizer n = normalizer_of(group_of(w, k));                                          \
            all.mean[k] = n.mean;                                                                  \
            all.low[k] = n.low;                                                                    \
            all.rstd[k] = n.rstd;                                                                  \
        }                                                                                          \
        return all;                                                                                \
    }

vec4 normalize_columns(ColumnNormalizers n, vec4 x) { return ((x - n.mean) - n.low) * n.rstd; }
