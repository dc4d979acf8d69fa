// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"

// c[m][n] = bias[n] + sum over k of a(m, k) * b(k, n), of which this dispatch adds first <= k < last
// a is stored [rows][depth], or [depth][rows] when transposed; b [depth][columns], or [columns][depth].
#define DEPTH 16                // of a tile: products that are added up before they go to the total
#define CELL 4                  // an invocation owns CELL x CELL outputs
#define SPAN (NN_TILE / CELL)   // apart from each other
#define LANES (SPAN * SPAN)
#define PITCH (NN_TILE + 1)     // of a tile row in shared memory: neighbours fall into different banks
layout(local_size_x = LANES) in;

layout(std430, binding = 0) readonly buffer A { float a[]; };
layout(std430, binding = 1) readonly buffer B { float b[]; };
layout(std430, binding = 2) readonly buffer Bias { float bias[]; };
layout(std430, binding = 3) buffer C { float c[]; };
layout(push_constant) uniform Push {
    uint offset[4];
    nn_matmul_push p;
};

shared float tile_a[DEPTH * PITCH];
shared float tile_b[DEPTH * PITCH];

// Neighbouring invocations read neighbouring elements, whichever index runs fastest in memory.
void load_tiles(uint first_m, uint first_n, uint first_k) {
    [[unroll]] for (uint turn = 0; turn < NN_TILE * DEPTH / LANES; turn++) {
        const uint e = turn * LANES + gl_LocalInvocationIndex;
        const uint k_slow = e / NN_TILE, i_fast = e % NN_TILE, k_fast = e % DEPTH, i_slow = e / DEPTH;

        const uint ka = p.transpose_a != 0 ? k_slow : k_fast, ia = p.transpose_a != 0 ? i_fast : i_slow;
        const uint m = first_m + ia, k = first_k + ka;
        const bool a_inside = m < p.rows && k < p.last;
        tile_a[ka * PITCH + ia] =
            a_inside ? a[offset[0] + (p.transpose_a != 0 ? k * p.rows + m : m * p.depth + k)] : 0.0;

        const uint kb = p.transpose_b != 0 ? k_fast : k_slow, ib = p.transpose_b != 0 ? i_slow : i_fast;
        const uint n = first_n + ib, l = first_k + kb;
        const bool b_inside = n < p.columns && l < p.last;
        tile_b[kb * PITCH + ib] =
            b_inside ? b[offset[1] + (p.transpose_b != 0 ? n * p.depth + l : l * p.columns + n)] : 0.0;
    }
}

void main() {
    const uint first_m = gl_WorkGroupID.y * NN_TILE, first_n = gl_WorkGroupID.x * NN_TILE;
    const uint row = gl_LocalInvocationIndex / SPAN, column = gl_LocalInvocationIndex % SPAN;
    vec4 total[CELL];
    [[unroll]] for (uint i = 0; i < CELL; i++) total[i] = vec4(0.0);

    for (uint first_k = 0; first_k < p.last; first_k += DEPTH) {
        load_tiles(first_m, first_n, first_k);
        barrier();
        vec4 part[CELL]; // a sum of sums: no chain of `depth` additions
        [[unroll]] for (uint i = 0; i < CELL; i++) part[i] = vec4(0.0);
        [[unroll]] for (uint k = 0; k < DEPTH; k++) {
            const uint at = k * PITCH + column;
            const vec4 right = vec4(tile_b[at], tile_b[at + SPAN], tile_b[at + 2 * SPAN], tile_b[at + 3 * SPAN]);
            [[unroll]] for (uint i = 0; i < CELL; i++) part[i] += tile_a[k * PITCH + row + i * SPAN] * right;
        }
        [[unroll]] for (uint i = 0; i < CELL; i++) total[i] += part[i];
        barrier();
    }

    [[unroll]] for (uint i = 0; i < CELL; i++) {
        [[unroll]] for (uint j = 0; j < CELL; j++) {
            const uint m = first_m + row + i * SPAN, n = first_n + column + j * SPAN;
            if (m < p.rows && n < p.columns) {
                const uint at = offset[3] + m * p.columns + n;
                const float before = p.first != 0 ? c[at] : p.has_bias != 0 ? bias[offset[2] + n] : 0.0;
                c[at] = before + total[i][j];
            }
        }
    }
}
