// SPDX-License-Identifier: MIT
#include "tensor.h"

#include <stdlib.h>

static VkDeviceSize element_bytes(vkn_dtype dtype) {
    static const VkDeviceSize bytes[] = {[VKN_F32] = 4, [VKN_F16] = 2, [VKN_BF16] = 2, [VKN_I64] = 8};
    return bytes[dtype];
}

VkDeviceSize nn_tensor_bytes(const vkn_tensor *tensor) {
    return vkn_tensor_count(tensor) * element_bytes(tensor->dtype);
}

vkn_tensor nn_tensor_create(nn_device *device, nn_lifetime lifetime, vkn_dtype dtype, uint32_t rank,
                            const uint32_t *shape) {
    vkn_tensor tensor = vkn_tensor_make(VK_NULL_HANDLE, 0, dtype, VKN_CHANNELS_FIRST, rank, shape);
    if (!nn_ok(device)) return tensor;
    const uint64_t count = vkn_tensor_count(&tensor), limit = device->info.max_binding_bytes;
    if (count > limit / element_bytes(dtype)) {
        nn_fail(device, VKN_UNSUPPORTED, "tensor of %llu elements: larger than maxStorageBufferRange, %llu bytes",
                (unsigned long long)count, (unsigned long long)limit);
        return tensor;
    }
    const vkn_result result = nn_arena_take(&device->arenas[lifetime], device->context, nn_tensor_bytes(&tensor),
                                            device->info.offset_alignment, &tensor);
    if (result != VKN_OK) {
        nn_fail(device, result, "tensor of %llu elements: %s", (unsigned long long)count, vkn_result_string(result));
    }
    return tensor;
}

vkn_tensor nn_tensor_like(nn_device *device, const vkn_tensor *tensor) {
    vkn_tensor like = nn_tensor_create(device, NN_STEP, tensor->dtype, tensor->rank, tensor->shape);
    like.layout = tensor->layout;
    return like;
}

vkn_tensor nn_matrix(nn_device *device, nn_lifetime lifetime, uint32_t rows, uint32_t columns) {
    return nn_tensor_create(device, lifetime, VKN_F32, 2, (const uint32_t[]){rows, columns});
}

vkn_tensor nn_vector(nn_device *device, nn_lifetime lifetime, vkn_dtype dtype, uint32_t count) {
    return nn_tensor_create(device, lifetime, dtype, 1, &count);
}

vkn_tensor nn_rows(nn_device *device, const vkn_tensor *tensor, uint32_t first, uint32_t count) {
    vkn_tensor view = *tensor;
    const uint32_t rows = tensor->shape[0];
    if (first > rows || count > rows - first) {
        nn_fail(device, VKN_BAD_ARGUMENT, "rows: %u from row %u on, of a tensor that has %u", count, first, rows);
        view.buffer = VK_NULL_HANDLE;
        return view;
    }
    view.shape[0] = count;
    if (rows > 0) view.offset += nn_tensor_bytes(tensor) / rows * first;
    return view;
}

vkn_tensor nn_reshape(nn_device *device, const vkn_tensor *tensor, uint32_t rank, const uint32_t *shape) {
    vkn_tensor view = vkn_tensor_make(tensor->buffer, tensor->offset, tensor->dtype, VKN_CHANNELS_FIRST, rank, shape);
    view.texels = tensor->texels;
    const uint64_t count = vkn_tensor_count(tensor), view_count = vkn_tensor_count(&view);
    if (count != view_count) {
        nn_fail(device, VKN_BAD_ARGUMENT, "reshape: %llu elements, of a tensor that has %llu",
                (unsigned long long)view_count, (unsigned long long)count);
        view.buffer = VK_NULL_HANDLE;
    }
    return view;
}

vkn_tensor nn_as_matrix(nn_device *device, const vkn_tensor *tensor) {
    const uint32_t columns = tensor->rank > 0 ? tensor->shape[tensor->rank - 1] : 1;
    uint32_t rows = 1;
    for (uint32_t i = 0; i + 1 < tensor->rank; i++)
        rows *= tensor->shape[i]; // what a tensor holds fits a binding, and so 32 bits
    return nn_reshape(device, tensor, 2, (const uint32_t[]){rows, columns});
}

static vkn_buffer *find_buffer(nn_device *device, const vkn_tensor *tensor) {
    vkn_buffer *buffer = NULL;
    for (int i = 0; i < NN_LIFETIME_COUNT && !buffer; i++) {
        buffer = nn_arena_find(&device->arenas[i], tensor->buffer);
    }
    if (!buffer) nn_fail(device, VKN_BAD_ARGUMENT, "tensor: its buffer is not one of this device");
    return buffer;
}

void nn_upload(nn_device *device, const vkn_tensor *tensor, const void *data) {
    const VkDeviceSize bytes = nn_tensor_bytes(tensor);
    if (!nn_ok(device) || bytes == 0) return;
    vkn_buffer *buffer = find_buffer(device, tensor);
    if (buffer) nn_check(device, vkn_buffer_upload(buffer, tensor->offset, data, bytes));
}

void nn_download(nn_device *device, const vkn_tensor *tensor, void *data) {
    const VkDeviceSize bytes = nn_tensor_bytes(tensor);
    if (!nn_ok(device) || bytes == 0) return;
    vkn_buffer *buffer = find_buffer(device, tensor);
    if (buffer) nn_check(device, vkn_buffer_download(buffer, tensor->offset, data, bytes));
}

void nn_zero(nn_device *device, const vkn_tensor *tensor) {
    if (!nn_ok(device) || nn_tensor_bytes(tensor) == 0) return;
    void *zeros = calloc(1, nn_tensor_bytes(tensor));
    if (zeros) {
        nn_upload(device, tensor, zeros);
    } else {
        nn_fail(device, VKN_OUT_OF_MEMORY, "zeros: out of memory");
    }
    free(zeros);
}

void nn_copy(nn_device *device, const vkn_tensor *from, const vkn_tensor *to) {
    if (!nn_ok(device)) return;
    const VkDeviceSize bytes = nn_tensor_bytes(from), to_bytes = nn_tensor_bytes(to);
    if (bytes != to_bytes) {
        nn_fail(device, VKN_BAD_ARGUMENT, "copy: from has %llu bytes, to has %llu", (unsigned long long)bytes,
                (unsigned long long)to_bytes);
    } else if (bytes > 0) {
        device->vk.vkCmdCopyBuffer(vkn_recorder_command_buffer(device->recorder), from->buffer, to->buffer, 1,
                                   &(VkBufferCopy){from->offset, to->offset, bytes});
        nn_barrier(device);
    }
}
