// SPDX-License-Identifier: MIT
// A batch norm layer and the tensors of some rows of a batch: all of them, or one rank's share.
#ifndef TESTS_SHARE_H
#define TESTS_SHARE_H

#include "box.h"
#include "rig.h"

enum { FEATURES = 6 };

struct variant {
    const char *name;
    vkn_dtype dtype; // of x and what is as x
    vkn_layout layout;
    uint32_t space; // 1: x is [N, C]
    double mean;    // of x
    vkn_activation activation;
    bool residual, biased_running_var, plain; // plain: neither weight nor bias
    float weight_offset, momentum;
};
// A layer and the tensors of its rows of the batch.
struct share {
    const struct variant *variant;
    vkn_recorder *recorder;
    vkn_layer *layer;
    struct box x, residual, y, dy, dx, dresidual;
};

// `rows` rows of the batch from `first` on. Fails the running test where it cannot be made.
struct share share_make(struct rig *, const struct variant *, uint32_t first, uint32_t rows);
void share_destroy(struct share *);
// Forward and backward in one recording; `user` is a struct share. For any thread.
vkn_result share_step(void *user);
// Downloads all tensors; the number of faults found in what stands around them.
int share_fetch(struct share *, const char *label);

int64_t share_counted(const struct share *); // the layer's num_batches_tracked

#endif
