// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "tile.glsl"

// c[m][n] = bias[n] + sum over k of a(m, k) * b(k, n), of which this dispatch adds first <= k < last
// a is stored [rows][depth], or [depth][rows] when transposed; b [depth][columns], or [columns][depth].
layout(std430, binding = 0) readonly buffer A { float a[]; };
layout(std430, binding = 1) readonly buffer B { float b[]; };
layout(std430, binding = 2) readonly buffer Bias { float bias[]; };
layout(std430, binding = 3) buffer C { float c[]; };
layout(push_constant) uniform Push {
    uint offset[4];
    nn_matmul_push p;
};

// Neighbouring invocations read neighbouring elements, whichever index runs fastest in memory.
void load_a(uint e, uint first_m, uint first_k) {
    const uint k_slow = e / NN_TILE_ROWS, i_fast = e % NN_TILE_ROWS, k_fast = e % DEPTH, i_slow = e / DEPTH;
    const uint i = p.transpose_a != 0 ? i_fast : i_slow, k = p.transpose_a != 0 ? k_slow : k_fast;
    const uint at_m = first_m + i, at_k = first_k + k;
    const uint by_k = at_k * p.rows + at_m, by_m = at_m * p.depth + at_k;
    const uint at = offset[0] + (p.transpose_a != 0 ? by_k : by_m);
    put_a(i, k, at_m < p.rows && at_k < p.last ? a[at] : 0.0);
}

void load_b(uint e, uint first_n, uint first_k) {
    const uint k_slow = e / NN_TILE_COLUMNS, i_fast = e % NN_TILE_COLUMNS, k_fast = e % DEPTH, i_slow = e / DEPTH;
    const uint i = p.transpose_b != 0 ? i_slow : i_fast, k = p.transpose_b != 0 ? k_fast : k_slow;
    const uint at_n = first_n + i, at_k = first_k + k;
    const uint by_n = at_n * p.depth + at_k, by_k = at_k * p.columns + at_n;
    const uint at = offset[1] + (p.transpose_b != 0 ? by_n : by_k);
    put_b(i, k, at_n < p.columns && at_k < p.last ? b[at] : 0.0);
}

void store(uint m, uint n, float sum) {
    if (m < p.rows && n < p.columns) {
        const uint at = offset[3] + m * p.columns + n;
        const float before = p.first != 0 ? c[at] : p.has_bias != 0 ? bias[offset[2] + n] : 0.0;
        c[at] = before + sum;
    }
}

void main() {
    tile_product(tile_of_workgroup(p.rows, p.columns), p.first, p.last);
}
