// SPDX-License-Identifier: MIT
// log(1 + u) for u >= 0, and NaN stays NaN. Up to 1 it is 2 atanh(s), s = u / (2 + u): Vulkan's log promises only 2^-21
// there, and 1 + u drops the digits of a small u.
float log1p(float u) {
    if (u > 1.0) return log(1.0 + u);
    const float s = u / (2.0 + u), q = s * s;
    float series = 1.0 / 17.0;
    [[unroll]] for (int n = 15; n > 0; n -= 2) series = series * q + 1.0 / float(n);
    return 2.0 * s * series;
}
