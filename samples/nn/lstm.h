// SPDX-License-Identifier: MIT
// A long short-term memory, as torch.nn.LSTM with batch_first and one layer; before the first step its state is zero.
#ifndef NN_LSTM_H
#define NN_LSTM_H

#include "module.h"
#include "random.h"

// x [N, T, in] to y [N, T, hidden], the outputs of all steps. weight_ih_l0 [4 hidden, in], weight_hh_l0 [4 hidden,
// hidden], bias_ih_l0 and bias_hh_l0 [4 hidden] have the gates in the order i, f, g, o, and start uniform in
// +-1 / sqrt(hidden), as torch.nn.LSTM's do.
nn_module *nn_lstm_create(nn_device *, uint32_t in, uint32_t hidden, nn_random *);

#endif
