// SPDX-License-Identifier: MIT
// Batch norm's running statistics of a channel beside its y, as running.comp makes them:
//   running = (1 - momentum) running + momentum * (mean; var * n / (n - 1))
// Where h is written, which has the same binding, they have a pass of their own.
FLOATS(, 5, running_mean)
FLOATS(, 6, running_var)

void update_running(uint channel, Statistics s) {
    float keep = 1.0 - push.momentum;
    AT(5, running_mean, channel) = keep * AT(5, running_mean, channel) + push.momentum * s.mean;
    AT(6, running_var, channel) = keep * AT(6, running_var, channel) + push.momentum * (s.variance * push.unbias);
}
