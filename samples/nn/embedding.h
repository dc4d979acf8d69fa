// SPDX-License-Identifier: MIT
// Learned vectors for tokens, and for where they stand.
#ifndef NN_EMBEDDING_H
#define NN_EMBEDDING_H

#include "module.h"
#include "random.h"

// x, I64 tokens [..] of rank 1 to 5, to y [.., width]: y[i] = weight[x[i]], as torch.nn.Embedding. weight [count,
// width] starts normal. A token that is not below `count`, at most 65535, comes out as NaN, and gives weight no
// gradient. There is no dx.
nn_module *nn_embedding_create(nn_device *, uint32_t count, uint32_t width, nn_random *);

// x [.., T, width] to y of the same shape: y[.., t, :] = x[.., t, :] + weight[t, :], with T at most `context`. weight
// [context, width] starts normal, as that of a torch.nn.Embedding for positions.
nn_module *nn_positions_create(nn_device *, uint32_t context, uint32_t width, nn_random *);

#endif
