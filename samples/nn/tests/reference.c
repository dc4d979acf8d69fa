// SPDX-License-Identifier: MIT
#include "reference.h"

#include <math.h>

void reference_matmul(const reference_product *p, double *c, double *size) {
    for (size_t m = 0; m < p->rows; m++) {
        for (size_t n = 0; n < p->columns; n++) {
            double sum = p->bias ? p->bias[n] : 0, sum_size = fabs(sum);
            for (size_t k = 0; k < p->depth; k++) {
                const double a = p->transpose_a ? p->a[k * p->rows + m] : p->a[m * p->depth + k];
                const double b = p->transpose_b ? p->b[n * p->depth + k] : p->b[k * p->columns + n];
                sum += a * b;
                sum_size += fabs(a * b);
            }
            c[m * p->columns + n] = sum;
            if (size) size[m * p->columns + n] = sum_size;
        }
    }
}

double reference_sigmoid(double z) {
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

// -t log sigmoid(z) - (1 - t) log sigmoid(-z), with -log sigmoid(z) = log(1 + exp(-z))
static double softplus(double z) {
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

double reference_bce(double logit, double target) {
    return target * softplus(-logit) + (1 - target) * softplus(logit);
}

double reference_bce_slope(double logit, double target) {
    return (1 - target) * reference_sigmoid(logit) - target * reference_sigmoid(-logit);
}

// log sum exp(z[k] - z[t]), of which the term of t itself is log 1
double reference_cross_entropy(const double *logits, size_t classes, size_t target) {
    double largest = logits[target], others = 0;
    for (size_t k = 0; k < classes; k++)
        largest = fmax(largest, logits[k]);
    for (size_t k = 0; k < classes; k++)
        others += k == target ? 0 : exp(logits[k] - largest);
    return largest > logits[target] ? largest - logits[target] + log(others + exp(logits[target] - largest))
                                    : log1p(others);
}

void reference_cross_entropy_slopes(const double *logits, size_t classes, size_t target, double *slopes) {
    double largest = logits[0], all = 0, others = 0;
    for (size_t k = 0; k < classes; k++)
        largest = fmax(largest, logits[k]);
    for (size_t k = 0; k < classes; k++) {
        all += exp(logits[k] - largest);
        others += k == target ? 0 : exp(logits[k] - largest);
    }
    for (size_t k = 0; k < classes; k++)
        slopes[k] = (k == target ? -others : exp(logits[k] - largest)) / all;
}

void reference_adam_step(reference_adam *adam, const double *grad, double *value, size_t count) {
    adam->t++;
    for (size_t i = 0; i < count; i++) {
        adam->m[i] = adam->beta1 * adam->m[i] + (1 - adam->beta1) * grad[i];
        adam->v[i] = adam->beta2 * adam->v[i] + (1 - adam->beta2) * grad[i] * grad[i];
        const double m_hat = adam->m[i] / (1 - pow(adam->beta1, adam->t));
        const double v_hat = adam->v[i] / (1 - pow(adam->beta2, adam->t));
        value[i] -= adam->lr * adam->weight_decay * value[i];
        value[i] -= adam->lr * m_hat / (sqrt(v_hat) + adam->eps);
    }
}

void reference_sgd_step(reference_sgd *sgd, const double *grad, double *value, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sgd->velocity[i] = sgd->momentum * sgd->velocity[i] + grad[i] + sgd->weight_decay * value[i];
        value[i] -= sgd->lr * sgd->velocity[i];
    }
}
