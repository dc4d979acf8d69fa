// SPDX-License-Identifier: MIT
#include "trainer.h"

#include <stdlib.h>

#include "gather.h"
#include "loss.h"

typedef struct split {
    vkn_tensor features, labels; // on the device
} split;

struct mlp_trainer {
    mlp_trainer_info with;
    uint32_t steps; // of an epoch
    split train, test;
    vkn_tensor order, losses; // of an epoch: records, and the loss of each step
    int64_t *host_order;
    float *host_losses;
};

static split upload_split(nn_device *device, const mlp_split *in, uint32_t features) {
    const split out = {nn_matrix(device, NN_FOREVER, in->count, features), nn_matrix(device, NN_FOREVER, in->count, 1)};
    nn_upload(device, &out.features, in->features);
    nn_upload(device, &out.labels, in->labels);
    return out;
}

mlp_trainer *mlp_trainer_create(const mlp_trainer_info *with) {
    nn_device *device = with->device;
    const uint32_t records = with->data->train.count;
    mlp_trainer *trainer = calloc(1, sizeof *trainer);
    int64_t *order = calloc(records, sizeof *order);
    float *losses = calloc(records, sizeof *losses);
    if (!trainer || !order || !losses) {
        nn_fail(device, VKN_OUT_OF_MEMORY, "trainer: out of memory");
        free(trainer);
        free(order);
        free(losses);
        return NULL;
    }
    *trainer =
        (mlp_trainer){.with = *with, .steps = records / with->batch_size, .host_order = order, .host_losses = losses};
    for (uint32_t i = 0; i < records; i++)
        order[i] = i;
    trainer->train = upload_split(device, &with->data->train, with->data->features);
    trainer->test = upload_split(device, &with->data->test, with->data->features);
    trainer->order = nn_vector(device, NN_FOREVER, VKN_I64, records);
    trainer->losses = nn_vector(device, NN_FOREVER, VKN_F32, trainer->steps);
    if (nn_ok(device)) return trainer;
    mlp_trainer_destroy(trainer);
    return NULL;
}

void mlp_trainer_destroy(mlp_trainer *trainer) {
    if (!trainer) return;
    free(trainer->host_order);
    free(trainer->host_losses);
    free(trainer);
}

// Batch, forward, loss, backward and update.
static void train_step(mlp_trainer *trainer, uint32_t step) {
    const mlp_trainer_info *with = &trainer->with;
    nn_device *device = with->device;
    const nn_share all = {0, with->batch_size};
    const nn_share share = with->ranks ? nn_ranks_share(with->ranks, with->batch_size) : all;
    nn_begin(device);
    const vkn_tensor index = nn_rows(device, &trainer->order, step * with->batch_size + share.first, share.count);
    const vkn_tensor loss = nn_rows(device, &trainer->losses, step, 1);
    const vkn_tensor x = nn_gather(device, &trainer->train.features, &index);
    const vkn_tensor targets = nn_gather(device, &trainer->train.labels, &index);
    const vkn_tensor logits = nn_module_forward(with->network, x);
    const vkn_tensor dlogits = nn_tensor_like(device, &logits);
    nn_bce_with_logits(device, &logits, &targets, with->batch_size, &loss, NULL, &dlogits);
    nn_module_backward(with->network, dlogits, false);
    if (with->ranks) nn_ranks_sum_gradients(with->ranks);
    nn_optimizer_step(with->optimizer);
    nn_submit(device);
}

double mlp_trainer_epoch(mlp_trainer *trainer) {
    const mlp_trainer_info *with = &trainer->with;
    nn_device *device = with->device;
    nn_random_shuffle(with->random, trainer->host_order, with->data->train.count);
    nn_upload(device, &trainer->order, trainer->host_order);
    nn_module_train(with->network, true);
    for (uint32_t step = 0; step < trainer->steps && nn_ok(device); step++)
        train_step(trainer, step);
    nn_download(device, &trainer->losses, trainer->host_losses);
    if (with->ranks) nn_ranks_sum(with->ranks, trainer->host_losses, trainer->steps);
    double sum = 0;
    for (uint32_t step = 0; step < trainer->steps; step++)
        sum += (double)trainer->host_losses[step];
    return sum / trainer->steps;
}

// Adds the batch's loss, and the number of records whose logit has the label's sign.
static void test_batch(mlp_trainer *trainer, uint32_t first, uint32_t count, float *host_logits, mlp_score *sum) {
    nn_device *device = trainer->with.device;
    nn_begin(device);
    const vkn_tensor x = nn_rows(device, &trainer->test.features, first, count);
    const vkn_tensor targets = nn_rows(device, &trainer->test.labels, first, count);
    const vkn_tensor loss = nn_vector(device, NN_STEP, VKN_F32, 1);
    const vkn_tensor logits = nn_module_forward(trainer->with.network, x);
    nn_bce_with_logits(device, &logits, &targets, count, &loss, NULL, NULL);
    nn_submit(device);
    float host_loss = 0;
    nn_download(device, &loss, &host_loss);
    nn_download(device, &logits, host_logits);
    if (!nn_ok(device)) return;
    sum->loss += (double)host_loss * count;
    for (uint32_t i = 0; i < count; i++) {
        const bool malignant = trainer->with.data->test.labels[first + i] != 0.0f;
        sum->accuracy += (host_logits[i] > 0.0f) == malignant;
    }
}

mlp_score mlp_trainer_test(mlp_trainer *trainer, uint32_t batch_size) {
    const uint32_t total = trainer->with.data->test.count;
    mlp_score score = {0};
    float *logits = malloc(total * sizeof *logits);
    if (!logits) {
        nn_fail(trainer->with.device, VKN_OUT_OF_MEMORY, "trainer: out of memory");
        return score;
    }
    nn_module_train(trainer->with.network, false);
    for (uint32_t first = 0; first < total && nn_ok(trainer->with.device); first += batch_size) {
        const uint32_t left = total - first;
        test_batch(trainer, first, left < batch_size ? left : batch_size, logits, &score);
    }
    free(logits);
    score.loss /= total;
    score.accuracy /= total;
    return score;
}
