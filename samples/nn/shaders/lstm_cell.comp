// SPDX-License-Identifier: MIT
#version 450
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "index.glsl"

// One step of an LSTM (Hochreiter & Schmidhuber 1997; Gers et al. 2000), with
//   a = x weight_ih^T + bias_ih + h[step - 1] weight_hh^T + bias_hh
//   i = sigmoid(a_i), f = sigmoid(a_f), g = tanh(a_g), o = sigmoid(a_o)
//   c[step] = f * c[step - 1] + i * g,  h[step] = o * tanh(c[step])
// Before the first step h and c are zeros.
layout(local_size_x = NN_LANES) in;

layout(std430, binding = 0) readonly buffer Projection { float projection[]; }; // [batch, steps, 4, hidden]
layout(std430, binding = 1) readonly buffer Recurrent { float recurrent[]; };   // [batch, 4, hidden], of this step
layout(std430, binding = 2) readonly buffer Bias { float bias[]; };             // [4, hidden]
layout(std430, binding = 3) writeonly buffer Gates { float gates[]; };          // [steps, batch, 4, hidden]
layout(std430, binding = 4) buffer C { float c[]; };                            // [steps, batch, hidden]
layout(std430, binding = 5) writeonly buffer H { float h[]; };                  // the same
layout(std430, binding = 6) writeonly buffer Y { float y[]; };                  // [batch, steps, hidden]
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
        float a[4];
        for (uint gate = 0; gate < 4; gate++) {
            const uint k = gate * p.hidden + j;
            a[gate] = projection[offset[0] + there * 4 * p.hidden + k] + bias[offset[2] + k];
            if (p.step > 0) a[gate] += recurrent[offset[1] + n * 4 * p.hidden + k];
            a[gate] = gate == 2 ? tanh_of(a[gate]) : sigmoid(a[gate]);
            gates[offset[3] + here * 4 * p.hidden + k] = a[gate];
        }
        float cell = a[0] * a[2];
        if (p.step > 0) cell += a[1] * c[offset[4] + by_step(n, p.step - 1) * p.hidden + j];
        const float hidden = a[3] * tanh_of(cell);
        c[offset[4] + here * p.hidden + j] = cell;
        h[offset[5] + here * p.hidden + j] = hidden;
        y[offset[6] + there * p.hidden + j] = hidden;
    }
}
