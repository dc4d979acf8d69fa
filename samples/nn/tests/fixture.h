// SPDX-License-Identifier: MIT
// A device for a group of tests, tensors with guards around them, and random data.
#ifndef NN_FIXTURE_H
#define NN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "module.h"
#include "random.h"
#include "tensor.h"

#define ULP 0x1p-23

typedef struct fixture {
    vkn_context *context;
    nn_device *device;
    nn_random random;
} fixture;

// As cmocka's group setup and teardown; the state is a fixture.
int fixture_open(void **state);
int fixture_open_limited(void **state); // at most 64 workgroups an axis, and 4 MiB a binding
int fixture_close(void **state);

// Submits, and fails the test with the device's message where that is not VKN_OK.
void submit(fixture *);
// The first failure has that result and a message with that text; clears it.
void assert_failure(fixture *, vkn_result, const char *text);

// Random numbers about zero, in f32, and the same as doubles. free() both.
float *random_floats(fixture *, size_t count, double deviation);
double *to_doubles(const float *, size_t count);
double *zeros(size_t count);

// A matrix [rows][columns] between two rows of NaN, so that its offset is odd where `columns` is, what is read beside
// it shows, and so does what is written. data may be NULL: NaN. free() nothing.
typedef struct box {
    vkn_tensor whole, inside;
} box;
box box_create(fixture *, uint32_t rows, uint32_t columns, const float *data);
// Checks the guards, and returns the inside. free() it.
float *box_read(fixture *, const box *);
float *read_tensor(fixture *, const vkn_tensor *); // free() it
// The same of a tensor that may lie in the library's buffers, by a step of its own.
float *read_any(fixture *, const vkn_tensor *);

// |got - expected| <= tolerance, and neither is NaN.
void assert_near(double got, double expected, double tolerance, const char *what, size_t index);

typedef struct parameter_list {
    nn_parameter items[16];
    size_t count;
} parameter_list;
parameter_list list_parameters(nn_module *);
parameter_list list_state(nn_module *);

#endif
