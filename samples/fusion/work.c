// SPDX-License-Identifier: MIT
#include "work.h"

#include <math.h>
#include <stdlib.h>

#include "activate_grad.spv.h"
#include "add_activate.spv.h"
#include "kernel.h"
#include "random.h"
#include "shaders/push.h"
#include "tensor.h"

static const nn_kernel add_activate_kernel = NN_KERNEL(add_activate, 3, struct fusion_push);
static const nn_kernel activate_grad_kernel = NN_KERNEL(activate_grad, 3, struct fusion_push);

#define RESNET VKN_BATCH, 1, VKN_RELU, VKN_RESIDUAL_AFTER
#define TRANSFORMER VKN_RMS, 1, VKN_NO_ACTIVATION, VKN_RESIDUAL_BEFORE
#define UNET VKN_GROUP, 32, VKN_SILU, VKN_NO_RESIDUAL
const fusion_block fusion_blocks[] = {
    {"resnet", "y = relu(batch(x) + residual)", RESNET, false, 4, {32, 64, 56, 56}, 4, 6},
    {"resnet", "its gradients", RESNET, true, 4, {32, 64, 56, 56}, 7, 8},
    {"transformer", "h = x + residual, y = rms(h)", TRANSFORMER, false, 2, {4096, 1024}, 4, 5},
    {"transformer", "its gradients, with dh", TRANSFORMER, true, 2, {4096, 1024}, 6, 8},
    {"unet", "y = silu(group(x))", UNET, false, 4, {4, 320, 64, 64}, 3, 5},
    {"unet", "its gradients", UNET, true, 4, {4, 320, 64, 64}, 5, 8},
};
const uint32_t fusion_block_count = sizeof fusion_blocks / sizeof *fusion_blocks;

static vkn_tensor filled(nn_device *device, uint32_t rank, const uint32_t *shape, nn_random *random) {
    const vkn_tensor tensor = nn_tensor_create(device, NN_FOREVER, VKN_F32, rank, shape);
    const uint64_t count = vkn_tensor_count(&tensor);
    float *values = nn_ok(device) ? malloc(count * sizeof *values) : NULL;
    if (!values) {
        nn_fail(device, VKN_OUT_OF_MEMORY, "%llu numbers: out of host memory", (unsigned long long)count);
        return tensor;
    }
    for (uint64_t i = 0; i < count; i++)
        values[i] = nn_random_uniform(random, -1, 1);
    nn_upload(device, &tensor, values);
    free(values);
    return tensor;
}

fusion_work fusion_work_make(nn_device *device, const fusion_block *block, uint32_t rows) {
    nn_random random = {1};
    uint32_t shape[4];
    for (uint32_t i = 0; i < block->rank; i++)
        shape[i] = i == 0 && rows && rows < block->shape[0] ? rows : block->shape[i];
    fusion_work work = {.block = block, .device = device, .plain = vkn_norm_defaults(block->kind)};
    work.plain.groups = block->groups;
    work.norm = work.plain;
    work.norm.activation = block->activation;
    vkn_tensor *const data[] = {&work.x, &work.residual, &work.dy,        &work.dh, &work.h,       &work.y,
                                &work.z, &work.dx,       &work.dresidual, &work.dz, &work.other_y, &work.other_dx};
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        *data[i] = filled(device, block->rank, shape, &random);
    const uint32_t features = (uint32_t)vkn_norm_features(&work.norm, &work.x);
    const uint32_t floats = 4 * (uint32_t)vkn_norm_groups(&work.norm, &work.x);
    vkn_tensor *const parameters[] = {&work.weight, &work.dweight, &work.bias, &work.dbias};
    const size_t kept = block->kind == VKN_RMS ? 2 : 4; // rms has no bias
    for (size_t i = 0; i < kept; i++)
        *parameters[i] = filled(device, 1, &features, &random);
    work.statistics = filled(device, 1, &floats, &random);
    return work;
}

// a + b (b may be absent) through the activation, or a times its gradient at b.
static void elementwise(fusion_work *work, const nn_kernel *kernel, vkn_tensor a, vkn_tensor b, vkn_tensor result,
                        vkn_activation activation) {
    const uint32_t words = (uint32_t)(vkn_tensor_count(&a) / 4);
    const struct fusion_push push = {words, b.buffer != VK_NULL_HANDLE, activation};
    const uint32_t each = FUSION_LANES * FUSION_WORDS, groups = (words + each - 1) / each, folded = groups / 32768 + 1;
    nn_dispatch(work->device, kernel, (const vkn_tensor[]){a, b, result}, &push, (groups + folded - 1) / folded,
                folded);
}

static void forward(fusion_work *work, const vkn_norm *norm, vkn_forward_args args) {
    args.weight = work->weight;
    args.bias = work->bias;
    args.statistics = work->statistics;
    args.training = true;
    if (nn_ok(work->device)) nn_check(work->device, vkn_norm_forward(work->device->recorder, norm, &args));
    nn_barrier(work->device);
}

static void backward(fusion_work *work, const vkn_norm *norm, vkn_backward_args args) {
    args.weight = work->weight;
    args.bias = work->bias;
    args.statistics = work->statistics;
    args.dweight = work->dweight;
    args.dbias = work->dbias;
    args.training = true;
    if (nn_ok(work->device)) nn_check(work->device, vkn_norm_backward(work->device->recorder, norm, &args));
    nn_barrier(work->device);
}

void fusion_record_fused(fusion_work *work) {
    const vkn_residual residual = work->block->residual;
    const vkn_tensor absent = {0};
    if (!work->block->backward) {
        forward(work, &work->norm,
                (vkn_forward_args){.x = work->x,
                                   .y = work->y,
                                   .residual = residual ? work->residual : absent,
                                   .h = residual == VKN_RESIDUAL_BEFORE ? work->h : absent});
        return;
    }
    bool before = residual == VKN_RESIDUAL_BEFORE, after = residual == VKN_RESIDUAL_AFTER;
    backward(work, &work->norm,
             (vkn_backward_args){.x = before ? work->h : work->x,
                                 .dy = work->dy,
                                 .residual = after ? work->residual : absent,
                                 .dh = before ? work->dh : absent,
                                 .dx = work->dx,
                                 .dresidual = after ? work->dresidual : absent});
}

void fusion_record_apart(fusion_work *work) {
    const fusion_block *block = work->block;
    const vkn_tensor absent = {0};
    bool before = block->residual == VKN_RESIDUAL_BEFORE, after = block->residual == VKN_RESIDUAL_AFTER;
    bool active = block->activation != VKN_NO_ACTIVATION;
    vkn_tensor input = before ? work->h : work->x;
    if (!block->backward) {
        if (before) elementwise(work, &add_activate_kernel, work->x, work->residual, work->h, VKN_NO_ACTIVATION);
        vkn_tensor normalized = active || after ? work->z : work->other_y;
        forward(work, &work->plain, (vkn_forward_args){.x = input, .y = normalized});
        if (active || after)
            elementwise(work, &add_activate_kernel, normalized, after ? work->residual : absent, work->other_y,
                        block->activation);
        return;
    }
    // relu's gradient needs y alone, silu's what was before it.
    vkn_tensor at = block->activation == VKN_RELU ? work->other_y : work->z;
    if (active) elementwise(work, &activate_grad_kernel, work->dy, at, work->dz, block->activation);
    vkn_tensor dx = before ? work->z : work->other_dx;
    backward(work, &work->plain, (vkn_backward_args){.x = input, .dy = active ? work->dz : work->dy, .dx = dx});
    if (before) elementwise(work, &add_activate_kernel, dx, work->dh, work->other_dx, VKN_NO_ACTIVATION);
}

void fusion_prepare(fusion_work *work) {
    fusion_block block = *work->block;
    block.backward = false;
    fusion_work first = *work;
    first.block = &block;
    nn_begin(work->device);
    fusion_record_apart(&first);
    nn_submit(work->device);
}

double fusion_difference(fusion_work *work) {
    const vkn_tensor *all[] = {work->block->backward ? &work->dx : &work->y,
                               work->block->backward ? &work->other_dx : &work->other_y};
    const uint64_t count = vkn_tensor_count(&work->x);
    float *values[] = {calloc(count, sizeof(float)), calloc(count, sizeof(float))};
    double most = 0, difference = 0;
    for (int i = 0; i < 2 && values[0] && values[1]; i++)
        nn_download(work->device, all[i], values[i]);
    for (uint64_t i = 0; i < count && values[0] && values[1]; i++) {
        most = fmax(most, fabs((double)values[1][i]));
        difference = fmax(difference, fabs((double)values[0][i] - (double)values[1][i]));
    }
    if (!values[0] || !values[1]) nn_fail(work->device, VKN_OUT_OF_MEMORY, "out of host memory");
    free(values[0]);
    free(values[1]);
    return most > 0 ? difference / most : difference;
}
