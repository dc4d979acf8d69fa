// SPDX-License-Identifier: MIT
#include "parameter.h"

#include <stdlib.h>

static nn_parameter create(nn_device *device, uint32_t rank, const uint32_t *shape) {
    return (nn_parameter){nn_tensor_create(device, NN_FOREVER, VKN_F32, rank, shape),
                          nn_tensor_create(device, NN_FOREVER, VKN_F32, rank, shape)};
}

// Room for the values on the host. NULL: there are none, or the device knows.
static float *allocate(nn_device *device, const vkn_tensor *tensor) {
    const uint64_t count = vkn_tensor_count(tensor);
    float *values = nn_ok(device) && count > 0 ? malloc(count * sizeof *values) : NULL;
    if (!values && count > 0) nn_fail(device, VKN_OUT_OF_MEMORY, "parameter: out of memory");
    return values;
}

nn_parameter nn_parameter_uniform(nn_device *device, uint32_t rank, const uint32_t *shape, float bound,
                                  nn_random *random) {
    const nn_parameter out = create(device, rank, shape);
    float *values = allocate(device, &out.value);
    if (!values) return out;
    for (uint64_t i = 0; i < vkn_tensor_count(&out.value); i++)
        values[i] = nn_random_uniform(random, -bound, bound);
    nn_upload(device, &out.value, values);
    free(values);
    return out;
}

nn_parameter nn_parameter_normal(nn_device *device, uint32_t rank, const uint32_t *shape, nn_random *random) {
    const nn_parameter out = create(device, rank, shape);
    float *values = allocate(device, &out.value);
    if (!values) return out;
    for (uint64_t i = 0; i < vkn_tensor_count(&out.value); i++)
        values[i] = nn_random_normal(random);
    nn_upload(device, &out.value, values);
    free(values);
    return out;
}
