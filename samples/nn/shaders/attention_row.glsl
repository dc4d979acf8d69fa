// SPDX-License-Identifier: MIT
// Rows of causal attention: matrices [positions][positions], one per gl_WorkGroupID.y, where position i sees the positions
// j <= i. NN_ATTENTION_ROWS rows of a matrix share a workgroup, ROW_LANES invocations each.
#define ROW_LANES (NN_LANES / NN_ATTENTION_ROWS)

shared float row_parts[NN_LANES];

float row_add(float a, float b) { return a + b; }

float row_larger(float a, float b) { return max(a, b); }

// `combine` over the invocations of a row, always in the same order. The whole workgroup must call them.
#define ROW_REDUCTION(name, combine)                                                               \
    float name(float part) {                                                                       \
        const uint index = gl_LocalInvocationIndex, lane = index % ROW_LANES;                      \
        barrier();                                                                                 \
        row_parts[index] = part;                                                                   \
        for (uint half_size = ROW_LANES / 2; half_size > 0; half_size /= 2) {                      \
            barrier();                                                                             \
            if (lane < half_size) row_parts[index] = combine(row_parts[index], row_parts[index + half_size]); \
        }                                                                                          \
        barrier();                                                                                 \
        return row_parts[index - lane];                                                            \
    }

ROW_REDUCTION(row_sum, row_add)
ROW_REDUCTION(row_max, row_larger)
