// SPDX-License-Identifier: MIT
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t GUARD = 0x7fc0beef; // a NaN

static int open_with(void **state, const vkn_context_info *info) {
    fixture *f = calloc(1, sizeof *f);
    if (!f) return -1;
    f->random.state = 42;
    *state = f;
    if (vkn_context_create(info, &f->context) != VKN_OK || nn_device_create(f->context, &f->device) != VKN_OK) {
        print_error("%s\n", vkn_error_message());
        return -1;
    }
    return 0;
}

int fixture_open(void **state) {
    return open_with(state, NULL);
}

int fixture_open_limited(void **state) {
    return open_with(state, &(vkn_context_info){.max_workgroups = 64, .max_binding_bytes = 1 << 22});
}

int fixture_close(void **state) {
    fixture *f = *state;
    nn_device_destroy(f->device);
    vkn_context_destroy(f->context);
    free(f);
    return 0;
}

void submit(fixture *f) {
    if (nn_submit(f->device) != VKN_OK) fail_msg("%s", nn_message(f->device));
}

void assert_failure(fixture *f, vkn_result result, const char *text) {
    assert_int_equal(f->device->result, result);
    if (!strstr(nn_message(f->device), text)) fail_msg("'%s' does not say '%s'", nn_message(f->device), text);
    assert_int_equal(nn_submit(f->device), result);
    nn_clear(f->device);
}

float *random_floats(fixture *f, size_t count, double deviation) {
    float *values = malloc((count + 1) * sizeof *values);
    assert_non_null(values);
    const float bound = (float)(deviation * sqrt(3));
    for (size_t i = 0; i < count; i++)
        values[i] = nn_random_uniform(&f->random, -bound, bound);
    return values;
}

double *zeros(size_t count) {
    double *values = calloc(count + 1, sizeof *values);
    assert_non_null(values);
    return values;
}

double *to_doubles(const float *values, size_t count) {
    double *out = zeros(count);
    for (size_t i = 0; i < count; i++)
        out[i] = (double)values[i];
    return out;
}

box box_create(fixture *f, uint32_t rows, uint32_t columns, const float *data) {
    box out = {.whole = nn_matrix(f->device, NN_FOREVER, rows + 2, columns)};
    out.inside = nn_rows(f->device, &out.whole, 1, rows);
    const size_t count = ((size_t)rows + 2) * columns;
    uint32_t *words = malloc((count + 1) * sizeof *words);
    assert_non_null(words);
    for (size_t i = 0; i < count; i++)
        words[i] = GUARD;
    if (data) memcpy(&words[columns], data, (size_t)rows * columns * sizeof *data);
    nn_upload(f->device, &out.whole, words);
    free(words);
    if (!nn_ok(f->device)) fail_msg("%s", nn_message(f->device));
    return out;
}

float *read_tensor(fixture *f, const vkn_tensor *tensor) {
    float *values = malloc(nn_tensor_bytes(tensor) + sizeof *values);
    assert_non_null(values);
    nn_download(f->device, tensor, values);
    if (!nn_ok(f->device)) fail_msg("%s", nn_message(f->device));
    return values;
}

float *read_any(fixture *f, const vkn_tensor *tensor) {
    nn_begin(f->device);
    const vkn_tensor copy = nn_tensor_like(f->device, tensor);
    nn_copy(f->device, tensor, &copy);
    submit(f);
    return read_tensor(f, &copy);
}

float *box_read(fixture *f, const box *in) {
    float *values = read_tensor(f, &in->whole);
    const size_t columns = in->whole.shape[1], rows = in->inside.shape[0];
    for (size_t i = 0; i < columns; i++) {
        assert_memory_equal(&values[i], &GUARD, sizeof GUARD);
        assert_memory_equal(&values[(rows + 1) * columns + i], &GUARD, sizeof GUARD);
    }
    memmove(values, &values[columns], rows * columns * sizeof *values);
    return values;
}

void assert_near(double got, double expected, double tolerance, const char *what, size_t index) {
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("%s[%zu]: got %.9g, expected %.9g, off by %.3g, allowed %.3g", what, index, got, expected,
                 got - expected, tolerance);
    }
}

static void add_parameter(void *user, const char *name, const nn_parameter *parameter) {
    (void)name;
    parameter_list *list = user;
    assert_true(list->count < sizeof list->items / sizeof list->items[0]);
    list->items[list->count++] = *parameter;
}

parameter_list list_parameters(nn_module *module) {
    parameter_list list = {.count = 0};
    nn_module_parameters(module, add_parameter, &list);
    return list;
}

parameter_list list_state(nn_module *module) {
    parameter_list list = {.count = 0};
    nn_module_state(module, add_parameter, &list);
    return list;
}
