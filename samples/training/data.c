// SPDX-License-Identifier: MIT
#include "data.h"

#include "say.h"

bool training_data_fits(const training_data *data, uint32_t batch_size) {
    if (batch_size <= data->epoch) return true;
    training_say("--batch-size: %u, but there are %u records to train on", batch_size, data->epoch);
    return false;
}

void training_data_upload(training_data *data, nn_device *device) {
    if (data->device == device || !nn_ok(device)) return;
    data->ops->upload(data, device);
    data->device = device;
}

void training_data_destroy(training_data *data) {
    if (data) data->ops->destroy(data);
}
