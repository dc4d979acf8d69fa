// SPDX-License-Identifier: MIT
// The tensors of one case: from the input file to the device, and from the device to the outputs.
#ifndef VKNORM_CASE_TENSORS_H
#define VKNORM_CASE_TENSORS_H

#include "cases.h"
#include "outputs.h"
#include "safetensors.h"

typedef enum slot {
    SLOT_X,
    SLOT_WEIGHT,
    SLOT_BIAS,
    SLOT_RUNNING_MEAN,
    SLOT_RUNNING_VAR,
    SLOT_NUM_BATCHES_TRACKED,
    SLOT_RESIDUAL,
    SLOT_DY,
    SLOT_DH,
    SLOT_H,
    SLOT_Y,
    SLOT_STATISTICS,
    SLOT_DX,
    SLOT_DRESIDUAL,
    SLOT_DWEIGHT,
    SLOT_DBIAS,
    SLOT_COUNT
} slot;

// A tensor on the device; `stored` is its dtype and shape in the files, with bytes but no data (of statistics: those of
// mean and rstd). Absent where `buffer` is NULL.
typedef struct case_tensor {
    vkn_buffer *buffer;
    vkn_tensor tensor;
    vkn_safetensor stored;
} case_tensor;

typedef struct case_tensors {
    const norm_case *item;
    case_tensor slots[SLOT_COUNT];
} case_tensors;

// All return COMMAND_OK, or COMMAND_FAILED after a message.

// Every tensor of the file must be an input of a case.
int case_tensors_check_file(const case_list *, const vkn_safetensors *file, const char *path);
// Uploads the inputs of a case, and makes room for what it computes. Destroy also after a failure.
int case_tensors_create(vkn_context *, const norm_case *, const vkn_safetensors *file, case_tensors *out);
void case_tensors_destroy(case_tensors *);
// Appends the case's outputs.
int case_tensors_download(const case_tensors *, outputs *);

// Whether the case normalizes with its running statistics.
bool case_tensors_frozen(const case_tensors *);

#endif
