// SPDX-License-Identifier: MIT
#include "batches.h"

#include <stdlib.h>
#include <string.h>

#include "say.h"

bool training_batches_add(training_batches *batches, const training_trainer *trainer, uint32_t batch_size) {
    if (!batches->path) return true;
    batches->steps = training_trainer_steps(trainer);
    batches->batch_size = batch_size;
    const size_t count = (size_t)batches->steps * batch_size;
    int64_t *order = realloc(batches->order, (batches->epochs + (size_t)1) * count * sizeof *order);
    if (!order) return false;
    memcpy(order + batches->epochs * count, training_trainer_order(trainer), count * sizeof *order);
    batches->order = order;
    batches->epochs++;
    return true;
}

bool training_batches_save(const training_batches *batches, const training_data *data) {
    if (!batches->path) return true;
    vkn_safetensor tensors[TRAINING_DATA_TENSORS + 1];
    const size_t count = data->ops->tensors(data, tensors);
    tensors[count] = (vkn_safetensor){.name = "order",
                                      .dtype = VKN_SAFETENSORS_I64,
                                      .rank = 3,
                                      .shape = {batches->epochs, batches->steps, batches->batch_size},
                                      .data = batches->order};
    tensors[count].bytes = vkn_safetensors_bytes(VKN_SAFETENSORS_I64, 3, tensors[count].shape);
    vkn_safetensors_error error;
    if (vkn_safetensors_save(batches->path, tensors, count + 1, &error) == VKN_OK) return true;
    training_say("--save-batches: %s: %s", batches->path, error.text);
    return false;
}

void training_batches_free(training_batches *batches) {
    free(batches->order);
    batches->order = NULL;
}
