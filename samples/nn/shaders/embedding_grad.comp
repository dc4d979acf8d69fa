// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"

// dweight[v][n] = sum over the m with tokens[m] = v of dy[m][n], first <= m < last. A workgroup owns columns of one row
// of the table and looks through all tokens, which are 64-bit, low word first: no atomics, and always the same order.
#define ROWS (NN_LANES / NN_SUM_COLUMNS) // tokens in flight
#define BLOCK 256                        // additions before a sum goes to the total: no long chain
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Tokens { uint token_words[]; };
layout(std430, binding = 1) readonly buffer Dy { float dy[]; };
layout(std430, binding = 2) buffer Dweight { float dweight[]; };
layout(push_constant) uniform Push {
    uint offset[3];
    nn_column_sum_push p;
};

shared float sums[NN_LANES];

void main() {
    const uint lane = gl_LocalInvocationIndex, row = gl_WorkGroupID.y;
    const uint column = gl_WorkGroupID.x * NN_SUM_COLUMNS + lane % NN_SUM_COLUMNS;
    float total = 0.0;
    uint m = column < p.columns ? p.first + lane / NN_SUM_COLUMNS : p.last;
    while (m < p.last) {
        float part = 0.0;
        for (uint n = 0; n < BLOCK && m < p.last; n++, m += ROWS) {
            const uint at = offset[0] + 2 * m;
            if (token_words[at] == row && token_words[at + 1] == 0) part += dy[offset[1] + m * p.columns + column];
        }
        total += part;
    }
    sums[lane] = total;
    barrier();
    if (lane < NN_SUM_COLUMNS && column < p.columns) {
        for (uint i = 1; i < ROWS; i++) total += sums[lane + i * NN_SUM_COLUMNS];
        const uint at = offset[2] + row * p.columns + column;
        dweight[at] = p.first != 0 ? dweight[at] + total : total;
    }
}
