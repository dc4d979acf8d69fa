// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "log1p.glsl"

// Cross-entropy of rows of logits z with classes t, where best is the first of the largest logits, m = z[best], and
// rest = sum over k != best of exp(z[k] - m), so that nothing overflows and a small loss keeps its digits:
//   loss  = (m - z[t] + log(1 + rest)) / total
//   dz[k] = (exp(z[k] - m) / (1 + rest) - [k == t]) / total, of which dz[best] = -rest / (1 + rest) / total for t = best
//   right = [best == t]
// Classes are 64-bit, low word first; where there is no such class, loss and dz are NaN.
#define ROWS (NN_LANES / NN_CLASS_LANES) // of a workgroup
#define NONE 0xffffffffu
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Z { float z[]; };
layout(std430, binding = 1) readonly buffer T { uint t_words[]; };
layout(std430, binding = 2) writeonly buffer Loss { float loss[]; };
layout(std430, binding = 3) writeonly buffer Right { float right[]; };
layout(std430, binding = 4) writeonly buffer Dz { float dz[]; };
layout(push_constant) uniform Push {
    uint offset[5];
    nn_cross_entropy_push p;
};

shared float values[NN_LANES];
shared uint indices[NN_LANES];

// Of the lanes of a row.
uint find_best(uint lane, uint first, uint at, uint last) {
    float value = 0.0;
    uint best = NONE;
    for (uint k = first; k < last; k += NN_CLASS_LANES) {
        const float candidate = z[at + k];
        if (best == NONE || candidate > value) {
            value = candidate;
            best = k;
        }
    }
    values[lane] = value;
    indices[lane] = best;
    for (uint half_size = NN_CLASS_LANES / 2; half_size > 0; half_size /= 2) {
        barrier();
        if (first < half_size) {
            const uint other = lane + half_size;
            const bool larger = values[other] > values[lane] ||
                                (values[other] == values[lane] && indices[other] < indices[lane]);
            if (indices[other] != NONE && larger) {
                values[lane] = values[other];
                indices[lane] = indices[other];
            }
        }
    }
    barrier();
    return indices[lane - first];
}

float sum_rest(uint lane, uint first, uint at, uint last, uint best) {
    const float m = z[at + best];
    float rest = 0.0;
    for (uint k = first; k < last; k += NN_CLASS_LANES) {
        const float below = z[at + k] - m;
        rest += isnan(below) ? below : k == best ? 0.0 : exp(below); // an exponential of NaN need not be one
    }
    barrier();
    values[lane] = rest;
    for (uint half_size = NN_CLASS_LANES / 2; half_size > 0; half_size /= 2) {
        barrier();
        if (first < half_size) values[lane] += values[lane + half_size];
    }
    barrier();
    return values[lane - first];
}

void main() {
    const uint lane = gl_LocalInvocationIndex, first = lane % NN_CLASS_LANES;
    const uint row = gl_WorkGroupID.x * ROWS + lane / NN_CLASS_LANES;
    const bool inside = row < p.rows;
    const uint at = offset[0] + (inside ? row : 0) * p.classes, last = inside ? p.classes : 1;
    const uint best = find_best(lane, first, at, last);
    const float rest = sum_rest(lane, first, at, last, best);
    if (inside) {
        const uint t_at = offset[1] + 2 * row;
        const uint t = t_words[t_at + 1] == 0 ? t_words[t_at] : NONE;
        const float nan = uintBitsToFloat(0x7fc00000), total = float(p.total), m = z[at + best];
        const bool known = t < p.classes;
        if (first == 0) {
            loss[offset[2] + row] = known ? (m - z[at + t] + log1p(rest)) / total : nan;
            if (p.has_right != 0) right[offset[3] + row] = float(best == t);
        }
        for (uint k = first; k < last && p.has_grad != 0; k += NN_CLASS_LANES) {
            const float share = k == best ? 1.0 / (1.0 + rest) : exp(z[at + k] - m) / (1.0 + rest);
            const float slope = k != t ? share : k == best ? -rest / (1.0 + rest) : share - 1.0;
            dz[offset[4] + row * p.classes + k] = known ? slope / total : nan;
        }
    }
}
