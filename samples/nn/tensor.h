// SPDX-License-Identifier: MIT
// Tensors in the device's memory: made, viewed, filled and read.
#ifndef NN_TENSOR_H
#define NN_TENSOR_H

#include "device.h"

// What is in a new tensor is undefined. On failure the tensor is absent (its buffer is VK_NULL_HANDLE).
vkn_tensor nn_tensor_create(nn_device *, nn_lifetime, vkn_dtype, uint32_t rank, const uint32_t *shape);
vkn_tensor nn_tensor_like(nn_device *, const vkn_tensor *);                      // NN_STEP
vkn_tensor nn_matrix(nn_device *, nn_lifetime, uint32_t rows, uint32_t columns); // F32
vkn_tensor nn_vector(nn_device *, nn_lifetime, vkn_dtype, uint32_t count);
// `count` of the first dimension's elements, from `first` on: a view. first + count must be inside.
vkn_tensor nn_rows(nn_device *, const vkn_tensor *, uint32_t first, uint32_t count);

// The same elements under another shape: a view. It must have as many elements.
vkn_tensor nn_reshape(nn_device *, const vkn_tensor *, uint32_t rank, const uint32_t *shape);
// The rows of the last dimension as a matrix: a view.
vkn_tensor nn_as_matrix(nn_device *, const vkn_tensor *);

VkDeviceSize nn_tensor_bytes(const vkn_tensor *);
// While the device does not use it: the whole tensor, which must be the device's. What nn_upload gives to a tensor of a
// step is there when the step runs, and gone with it.
void nn_upload(nn_device *, const vkn_tensor *, const void *data);
void nn_download(nn_device *, const vkn_tensor *, void *data);
void nn_zero(nn_device *, const vkn_tensor *);
// Records a copy of the whole tensor to one of as many bytes, and a barrier behind it.
void nn_copy(nn_device *, const vkn_tensor *from, const vkn_tensor *to);

#endif
