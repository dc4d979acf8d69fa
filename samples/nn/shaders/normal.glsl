// SPDX-License-Identifier: MIT
// The normal distribution. density(x) = exp(-x^2 / 2) / sqrt(2 pi)
float normal_density(float x) {
    return exp(-0.5 * x * x) * 0.39894228;
}

// The probability of values below x. That of values beyond |x| is exp(-x^2 / 2) t P(t) with t = 1 / (1 + 0.35 |x|), the
// form of Abramowitz & Stegun 7.1.26; P has degree 8 and a relative error below 4e-8 up to |x| = 14, where exp is zero.
// It was fitted to 40 digits by weighted least squares until all its extremes were alike (Lawson 1961).
float normal_distribution(float x) {
    const float coefficients[] = float[](0.139621407, 0.139861867, 0.119832873, 0.105507992, -0.0231098142,
                                         0.159174129, -0.255714238, 0.143971682, -0.0291459281);
    const float t = 1.0 / (1.0 + 0.35 * abs(x));
    float series = 0.0;
    [[unroll]] for (int i = 8; i >= 0; i--) series = series * t + coefficients[i];
    const float beyond = exp(-0.5 * x * x) * t * series;
    return x < 0.0 ? beyond : 1.0 - beyond;
}
