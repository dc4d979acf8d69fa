// SPDX-License-Identifier: MIT
// One block of a network, done twice: with everything inside the norm, and with a kernel for each thing beside it.
#ifndef FUSION_WORK_H
#define FUSION_WORK_H
#include "device.h"

typedef struct fusion_block {
    const char *name, *what;
    vkn_kind kind;
    uint32_t groups;
    vkn_activation activation;
    vkn_residual residual;
    bool backward;
    uint32_t rank, shape[4]; // shape[0] is what --rows cuts
    // Elements read and written for each element of x by the passes of either way; statistics are too small to count.
    uint32_t moved_fused, moved_apart;
} fusion_block;
extern const fusion_block fusion_blocks[];
extern const uint32_t fusion_block_count;

// The tensors of a block, filled; gradients of what forward has computed.
typedef struct fusion_work {
    const fusion_block *block;
    nn_device *device;
    vkn_norm norm;  // with the activation
    vkn_norm plain; // without
    vkn_tensor x, residual, weight, bias, statistics;
    vkn_tensor h, y, z; // z: what stands before the activation where kernels are apart
    vkn_tensor dy, dz, dh, dx, dresidual, dweight, dbias;
    vkn_tensor other_y, other_dx; // of the other way, to compare
} fusion_work;
// Fails through the device. `rows`: 0, or the most that the first size of x may be.
fusion_work fusion_work_make(nn_device *, const fusion_block *, uint32_t rows);
void fusion_record_fused(fusion_work *);
void fusion_record_apart(fusion_work *);
// Makes what backward needs: one forward pass, submitted.
void fusion_prepare(fusion_work *);
// The largest difference between what the two ways gave last, in units of the largest value.
double fusion_difference(fusion_work *);

#endif
