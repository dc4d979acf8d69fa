// SPDX-License-Identifier: MIT
// The cell of an LSTM: gates i, f, g, o of a row lie behind each other, `hidden` elements each.
float sigmoid(float x) {
    const float u = exp(-abs(x));
    return (x < 0.0 ? u : 1.0) / (1.0 + u);
}

// The series where the difference of exponentials would cancel; nothing overflows, and NaN stays NaN.
float tanh_of(float x) {
    const float q = x * x, u = exp(-2.0 * abs(x));
    const float series = x + x * q * (-1.0 / 3.0 + q * (2.0 / 15.0 + q * (-17.0 / 315.0 + q * (62.0 / 2835.0))));
    return abs(x) < 0.3 ? series : sign(x) * ((1.0 - u) / (1.0 + u));
}

// Element j of sample n at the step of this dispatch: in [steps, batch, ...], and in [batch, steps, ...].
uint by_step(uint n, uint step) { return step * p.batch + n; }
uint by_sample(uint n, uint step) { return n * p.steps + step; }
