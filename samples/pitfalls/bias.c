// SPDX-License-Identifier: MIT
// A bias in front of a batch norm: the norm subtracts the mean, and the bias with it.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "study.h"

enum { WATCHED = 3, OPTIMIZERS = 2 };
static const char *const names[WATCHED] = {"0.weight", "0.bias", "1.bias"};
static const char *const labels[WATCHED] = {"weight of the linear layer", "its bias", "bias of the norm behind it"};

// A parameter before training. free() the values.
typedef struct watched {
    vkn_tensor tensor;
    float *start, *values;
} watched;

// A norm's parameters lie in the library's buffers: a copy can be read.
static void read_values(study *s, const vkn_tensor *tensor, float *values) {
    const vkn_tensor copy = nn_vector(s->device, NN_FOREVER, VKN_F32, (uint32_t)vkn_tensor_count(tensor));
    nn_begin(s->device);
    nn_copy(s->device, tensor, &copy);
    nn_submit(s->device);
    nn_download(s->device, &copy, values);
}

static double root_mean_square(const float *values, const float *from, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double value = (double)values[i] - (from ? (double)from[i] : 0);
        sum += value * value / (double)count;
    }
    return sqrt(sum);
}

// figures: [WATCHED][1 + OPTIMIZERS]: the gradient of the last step, and how far training moved the parameter.
static bool watch(study *s, nn_module *network, nn_optimizer *optimizer, int column, double figures[WATCHED][3]) {
    bool ok = network && optimizer;
    watched w[WATCHED] = {0};
    for (int i = 0; ok && i < WATCHED; i++) {
        const vkn_tensor value = study_parameter(network, names[i]).value;
        const size_t bytes = nn_tensor_bytes(&value);
        w[i] = (watched){value, malloc(bytes), malloc(bytes)};
        ok = w[i].start && w[i].values;
        if (ok) read_values(s, &value, w[i].start);
    }
    if (!ok && nn_ok(s->device)) nn_fail(s->device, VKN_OUT_OF_MEMORY, "no memory for the parameters");
    ok = ok && study_train(s, network, optimizer, false, NULL, NULL);
    for (int i = 0; ok && i < WATCHED; i++) {
        const size_t count = vkn_tensor_count(&w[i].tensor);
        const vkn_tensor grad = study_parameter(network, names[i]).grad;
        read_values(s, &w[i].tensor, w[i].values);
        figures[i][1 + column] = root_mean_square(w[i].values, w[i].start, count);
        read_values(s, &grad, w[i].values);
        if (column == 0) figures[i][0] = root_mean_square(w[i].values, NULL, count);
    }
    for (int i = 0; i < WATCHED; i++) {
        free(w[i].start);
        free(w[i].values);
    }
    return ok && nn_ok(s->device);
}

static nn_optimizer *create_sgd(study *s, nn_module *network) {
    (void)s;
    return network ? nn_sgd_create(network, &(nn_sgd_info){.lr = 0.1}) : NULL;
}

bool pitfall_bias(study *s, training_figures *out) {
    static nn_optimizer *(*const create[OPTIMIZERS])(study *, nn_module *) = {create_sgd, study_adam};
    double figures[WATCHED][1 + OPTIMIZERS];
    bool ok = true;
    for (int i = 0; ok && i < OPTIMIZERS; i++) {
        nn_module *network = study_network(s);
        nn_optimizer *optimizer = create[i](s, network);
        ok = watch(s, network, optimizer, i, figures);
        nn_optimizer_destroy(optimizer);
        nn_module_destroy(network);
    }
    for (int i = 0; ok && i < WATCHED; i++)
        ok = training_figures_add(out, figures[i], "%s", labels[i]);
    snprintf(out->remark, sizeof out->remark, "%s",
             "The bias has no gradient but that of rounding, of which Adam makes steps as large as any other: leave it "
             "out.");
    return ok;
}
