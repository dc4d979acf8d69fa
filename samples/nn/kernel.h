// SPDX-License-Identifier: MIT
// Compute kernels: SPIR-V with storage buffers at the bindings 0, 1, ... of set 0 and one push-constant block,
//     uint offset[bindings];   the first element of each tensor inside its binding, in 32-bit words
//     <push>                   the kernel's own constants (shaders/push.h)
// so that a tensor may start at any word, whatever alignment the device asks of a binding.
#ifndef NN_KERNEL_H
#define NN_KERNEL_H

#include "device.h"

enum { NN_MAX_BINDINGS = 8, NN_MAX_PUSH_BYTES = 128 };

// A constant; its address is its name. The pipeline is built at the first dispatch.
typedef struct nn_kernel {
    const char *name;
    const uint32_t *code;
    size_t code_bytes;
    uint32_t bindings, push_bytes; // push_bytes: of the kernel's own constants
} nn_kernel;

#define NN_KERNEL(shader, binding_count, push_type)                                                                    \
    {                                                                                                                  \
        .name = #shader, .code = shader##_spv, .code_bytes = sizeof shader##_spv, .bindings = (binding_count),         \
        .push_bytes = sizeof(push_type)                                                                                \
    }

// Records a dispatch of groups_x * groups_y workgroups, and a barrier behind it. tensors[i] goes to binding i; where
// one is absent the kernel must not touch it, and tensors[0] is bound. No workgroups: records nothing.
void nn_dispatch(nn_device *, const nn_kernel *, const vkn_tensor *tensors, const void *push, uint32_t groups_x,
                 uint32_t groups_y);
// One invocation for each of `count` elements: kernels that find theirs by element_index() (shaders/index.glsl).
void nn_dispatch_elements(nn_device *, const nn_kernel *, const vkn_tensor *tensors, const void *push, uint64_t count);
// One workgroup for each tile of `layers` matrices: kernels that find theirs by tile_of_workgroup()
// (shaders/tile.glsl).
void nn_dispatch_tiles(nn_device *, const nn_kernel *, const vkn_tensor *tensors, const void *push, uint32_t rows,
                       uint32_t columns, uint32_t layers);

// For device.c: descriptor sets of the step before are free again; everything is destroyed.
void nn_kernels_recycle(nn_device *);
void nn_kernels_destroy(nn_device *);

#endif
