// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "tile.glsl"

// c[m][n] = bias[n] + sum over k of a(m, k) * b(k, n), of which this dispatch adds first <= k < last
// a is stored [rows][depth], or [depth][rows] when transposed; b [depth][columns], or [columns][depth]. That goes for
// each matrix of a batch [outer][inner].
layout(std430, binding = 0) readonly buffer A { float a[]; };
layout(std430, binding = 1) readonly buffer B { float b[]; };
layout(std430, binding = 2) readonly buffer Bias { float bias[]; };
layout(std430, binding = 3) buffer C { float c[]; };
layout(push_constant) uniform Push {
    uint offset[4];
    nn_matmul_push p;
};

uint base_a, base_b, base_c; // where the workgroup's matrices begin

// Neighbouring invocations read neighbouring elements, whichever index runs fastest in memory.
void load_a(uint e, uint first_m, uint first_k) {
    const uint k_slow = e / NN_TILE_ROWS, i_fast = e % NN_TILE_ROWS, k_fast = e % DEPTH, i_slow = e / DEPTH;
    const uint i = p.transpose_a != 0 ? i_fast : i_slow, k = p.transpose_a != 0 ? k_slow : k_fast;
    const uint at_m = first_m + i, at_k = first_k + k;
    const uint by_k = at_k * p.a.pitch + at_m, by_m = at_m * p.a.pitch + at_k;
    const uint at = base_a + (p.transpose_a != 0 ? by_k : by_m);
    put_a(i, k, at_m < p.rows && at_k < p.last ? a[at] : 0.0);
}

void load_b(uint e, uint first_n, uint first_k) {
    const uint k_slow = e / NN_TILE_COLUMNS, i_fast = e % NN_TILE_COLUMNS, k_fast = e % DEPTH, i_slow = e / DEPTH;
    const uint i = p.transpose_b != 0 ? i_slow : i_fast, k = p.transpose_b != 0 ? k_fast : k_slow;
    const uint at_n = first_n + i, at_k = first_k + k;
    const uint by_n = at_n * p.b.pitch + at_k, by_k = at_k * p.b.pitch + at_n;
    const uint at = base_b + (p.transpose_b != 0 ? by_n : by_k);
    put_b(i, k, at_n < p.columns && at_k < p.last ? b[at] : 0.0);
}

void store(uint m, uint n, float sum) {
    if (m < p.rows && n < p.columns) {
        const uint at = base_c + m * p.c.pitch + n;
        const float before = p.first != 0 ? c[at] : p.has_bias != 0 ? bias[offset[2] + n] : 0.0;
        c[at] = before + sum;
    }
}

void main() {
    const nn_tile tile = tile_of_workgroup(p.rows, p.columns);
    const uint outer = tile.layer / p.inner, inner = tile.layer % p.inner;
    base_a = offset[0] + outer * p.a.outer + inner * p.a.inner;
    base_b = offset[1] + outer * p.b.outer + inner * p.b.inner;
    base_c = offset[3] + outer * p.c.outer + inner * p.c.inner;
    if (outer < p.outer) tile_product(tile, p.first, p.last); // the grid may be larger than the batch
}
