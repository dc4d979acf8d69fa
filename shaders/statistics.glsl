// SPDX-License-Identifier: MIT
// mean (with its low part) and rstd of a statistic group.
#define STATISTICS(first, mean, rstd, low)                                                            \
    FLOATS(readonly, first, mean)                                                                     \
    FLOATS(readonly, first + 1, rstd)                                                                 \
    FLOATS(readonly, first + 2, low)                                                                  \
    float mean_of(uint group) { return CENTERED ? AT(first, mean, group) : 0.0; }                     \
    float low_of(uint group) { return has(VKN_STAT_LOW) ? AT(first + 2, low, group) : 0.0; }          \
    float rstd_of(uint group) {                                                                       \
        float v = AT(first + 1, rstd, group);                                                         \
        return has(VKN_STAT_VARIANCE) ? inversesqrt(v + push.eps) : v;                                \
    }
