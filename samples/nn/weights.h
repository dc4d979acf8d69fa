// SPDX-License-Identifier: MIT
// The state of a module in a .safetensors file, its parameters and buffers under the names of PyTorch's state_dict, so
// that either side can read what the other wrote. Between steps; what was recorded since the last nn_begin is dropped.
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "module.h"

// Writes a file beside `path` and renames it to `path`: a failure leaves what was there.
void nn_weights_save(nn_module *, const char *path);
// Takes the whole state from the file or, after a failure, nothing. The file must have every tensor, of the same shape
// and type, and no other; but names that begin with `except` ("6." for a head that is new; NULL: none) are looked at
// neither in the module nor in the file.
void nn_weights_load(nn_module *, const char *path, const char *except);

#endif
