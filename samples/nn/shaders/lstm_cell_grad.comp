// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// One step of an LSTM backwards. What reaches h comes from y and, but for the last step, from the next one; dc comes
// from the next one, where it was left for this one:
//   dh = dy + da[step + 1] weight_hh,  s = tanh(c)
//   dc = dc + dh * o * (1 - s^2)
//   da_i = dc * g * i * (1 - i),  da_f = dc * c[step - 1] * f * (1 - f)
//   da_g = dc * i * (1 - g^2),    da_o = dh * s * o * (1 - o)
//   dc of the step before = dc * f
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Dy { float dy[]; };              // [batch, steps, hidden]
layout(std430, binding = 1) readonly buffer Recurrent { float recurrent[]; }; // [batch, hidden]: da weight_hh
layout(std430, binding = 2) readonly buffer Gates { float gates[]; };        // [steps, batch, 4, hidden]
layout(std430, binding = 3) readonly buffer C { float c[]; };                // [steps, batch, hidden]
layout(std430, binding = 4) buffer Dc { float dc[]; };                       // [batch, hidden]
layout(std430, binding = 5) writeonly buffer Da { float da[]; };             // [steps, batch, 4, hidden]
layout(std430, binding = 6) writeonly buffer DaBySample { float da_by_sample[]; };   // [batch, steps, 4, hidden]: the same
layout(push_constant) uniform Push {
    uint offset[7];
    nn_lstm_push p;
};

#include "lstm.glsl"

void main() {
    const uint e = element_index();
    if (e < p.batch * p.hidden) {
        const uint n = e / p.hidden, j = e % p.hidden;
        const uint here = by_step(n, p.step), there = by_sample(n, p.step);
        const uint at = offset[2] + here * 4 * p.hidden + j;
        const float i = gates[at], f = gates[at + p.hidden];
        const float g = gates[at + 2 * p.hidden], o = gates[at + 3 * p.hidden];
        const float before = p.step > 0 ? c[offset[3] + by_step(n, p.step - 1) * p.hidden + j] : 0.0;
        const float s = tanh_of(c[offset[3] + here * p.hidden + j]);
        const bool last = p.step + 1 == p.steps;

        const float dh = dy[offset[0] + there * p.hidden + j] + (last ? 0.0 : recurrent[offset[1] + e]);
        const float dcell = dh * o * ((1.0 - s) * (1.0 + s)) + (last ? 0.0 : dc[offset[4] + e]);
        const float d[4] = float[](dcell * g * i * (1.0 - i), dcell * before * f * (1.0 - f),
                                   dcell * i * ((1.0 - g) * (1.0 + g)), dh * s * o * (1.0 - o));
        dc[offset[4] + e] = dcell * f;
        for (uint gate = 0; gate < 4; gate++) {
            da[offset[5] + here * 4 * p.hidden + gate * p.hidden + j] = d[gate];
            da_by_sample[offset[6] + there * 4 * p.hidden + gate * p.hidden + j] = d[gate];
        }
    }
}
