// SPDX-License-Identifier: MIT
// Losses: from what a network gave and what it should have given, one number and its gradient.
#ifndef NN_LOSS_H
#define NN_LOSS_H

#include "tensor.h"

// Binary cross-entropy of logits and targets (0 to 1), summed over their elements, at most 2^22, and divided by `total`
// > 0: with as many as there are, torch.nn.BCEWithLogitsLoss; with those of a batch that others have a part of, this
// part's share of it. loss: one element. dlogits: as logits, or absent (NULL).
void nn_bce_with_logits(nn_device *, const vkn_tensor *logits, const vkn_tensor *targets, uint32_t total,
                        const vkn_tensor *loss, const vkn_tensor *dlogits);

#endif
