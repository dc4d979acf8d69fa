// SPDX-License-Identifier: MIT
// Causal self-attention with several heads (Vaswani et al. 2017).
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

#include "module.h"
#include "random.h"

// x [N, T, width] to y of the same shape. With q, k and v [N, T, width] the thirds of qkv(x), qkv = Linear(width, 3
// width), each cut into `heads` of d = width / heads:
//   y = out(softmax(q k^T / sqrt(d)) v), out = Linear(width, width)
// where position i sees only the positions j <= i: torch's scaled_dot_product_attention with is_causal=True. `heads`
// must divide width.
nn_module *nn_attention_create(nn_device *, uint32_t width, uint32_t heads, nn_random *);

#endif
