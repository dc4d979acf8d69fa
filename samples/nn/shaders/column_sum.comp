// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"

// sum[n] = sum over m of x[m][n], first <= m < last
#define ROWS (NN_LANES / NN_SUM_COLUMNS) // rows in flight
#define BLOCK 256                        // additions before a sum goes to the total: no long chain
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) buffer Sum { float sum[]; };
layout(push_constant) uniform Push {
    uint offset[2];
    nn_column_sum_push p;
};

shared float sums[NN_LANES];

void main() {
    const uint lane = gl_LocalInvocationIndex;
    const uint column = gl_WorkGroupID.x * NN_SUM_COLUMNS + lane % NN_SUM_COLUMNS;
    float total = 0.0;
    uint row = column < p.columns ? p.first + lane / NN_SUM_COLUMNS : p.last;
    while (row < p.last) {
        float part = 0.0;
        for (uint n = 0; n < BLOCK && row < p.last; n++, row += ROWS) part += x[offset[0] + row * p.columns + column];
        total += part;
    }
    sums[lane] = total;
    barrier();
    if (lane < NN_SUM_COLUMNS && column < p.columns) {
        for (uint i = 1; i < ROWS; i++) total += sums[lane + i * NN_SUM_COLUMNS];
        sum[offset[1] + column] = p.first != 0 ? sum[offset[1] + column] + total : total;
    }
}
