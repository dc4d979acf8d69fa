// SPDX-License-Identifier: MIT
#include "data.h"

void training_data_upload(training_data *data, nn_device *device) {
    if (data->device == device || !nn_ok(device)) return;
    data->ops->upload(data, device);
    data->device = device;
}

void training_data_destroy(training_data *data) {
    if (data) data->ops->destroy(data);
}
