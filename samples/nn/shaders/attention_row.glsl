// SPDX-License-Identifier: MIT
// Rows of causal attention: matrices [positions][positions], one per gl_WorkGroupID.y, where position i sees the positions
// j <= i. NN_ATTENTION_ROWS rows of a matrix share a workgroup, ROW_LANES invocations each.
#define ROW_LANES (NN_LANES / NN_ATTENTION_ROWS)

shared float row_parts[NN_LANES];

// Over the invocations of a row, always in the same order. The whole workgroup must call them.
float row_sum(float part) {
    const uint lane = gl_LocalInvocationIndex % ROW_LANES;
    barrier();
    row_parts[gl_LocalInvocationIndex] = part;
    for (uint half_size = ROW_LANES / 2; half_size > 0; half_size /= 2) {
        barrier();
        if (lane < half_size) row_parts[gl_LocalInvocationIndex] += row_parts[gl_LocalInvocationIndex + half_size];
    }
    barrier();
    return row_parts[gl_LocalInvocationIndex - lane];
}

float row_max(float part) {
    const uint lane = gl_LocalInvocationIndex % ROW_LANES;
    barrier();
    row_parts[gl_LocalInvocationIndex] = part;
    for (uint half_size = ROW_LANES / 2; half_size > 0; half_size /= 2) {
        barrier();
        if (lane < half_size) {
            const float other = row_parts[gl_LocalInvocationIndex + half_size];
            row_parts[gl_LocalInvocationIndex] = max(row_parts[gl_LocalInvocationIndex], other);
        }
    }
    barrier();
    return row_parts[gl_LocalInvocationIndex - lane];
}
