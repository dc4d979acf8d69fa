// SPDX-License-Identifier: MIT
// Losses: from what a network gave and what it should have given, one number and its gradient.
#ifndef NN_LOSS_H
#define NN_LOSS_H

#include "tensor.h"

// Sums up over the batch and divides by `total` > 0: with as many predictions as there are, the mean; with those of a
// batch that others have a part of, this part's share of it. loss: one element. right: one element, how many of the
// predictions are right. dlogits: as logits. `right` and `dlogits` may be absent (NULL).
typedef void (*nn_loss)(nn_device *, const vkn_tensor *logits, const vkn_tensor *targets, uint32_t total,
                        const vkn_tensor *loss, const vkn_tensor *right, const vkn_tensor *dlogits);

// Binary cross-entropy of logits and as many targets (0 to 1), at most 2^22: torch.nn.BCEWithLogitsLoss. Right is a
// logit above 0 where the target is above 1/2, and one that is not where the target is not.
void nn_bce_with_logits(nn_device *, const vkn_tensor *logits, const vkn_tensor *targets, uint32_t total,
                        const vkn_tensor *loss, const vkn_tensor *right, const vkn_tensor *dlogits);

// Cross-entropy of logits [..., classes], at most 2^14 classes, and an I64 class for each row of them:
// torch.nn.CrossEntropyLoss. A class that the logits do not have makes the loss NaN. Right is a class whose logit is
// the first of the largest.
void nn_cross_entropy(nn_device *, const vkn_tensor *logits, const vkn_tensor *targets, uint32_t total,
                      const vkn_tensor *loss, const vkn_tensor *right, const vkn_tensor *dlogits);

#endif
