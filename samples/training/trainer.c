// SPDX-License-Identifier: MIT
#include "trainer.h"

#include <stdlib.h>

struct training_trainer {
    training_trainer_info with;
    uint32_t steps;                          // of an epoch
    vkn_tensor orders[TRAINING_SPLIT_COUNT]; // numbers of records: of this epoch, and as they are to be tested
    vkn_tensor losses;                       // of the epoch's steps
    int64_t *host_order;
    float *host_losses;
};

training_trainer *training_trainer_create(const training_trainer_info *with) {
    nn_device *device = with->device;
    const uint32_t *counts = with->data->counts;
    const uint32_t most =
        counts[TRAINING_TRAIN] > counts[TRAINING_TEST] ? counts[TRAINING_TRAIN] : counts[TRAINING_TEST];
    training_trainer *trainer = calloc(1, sizeof *trainer);
    int64_t *order = calloc(most + (size_t)1, sizeof *order);
    float *losses = calloc(with->data->epoch + (size_t)1, sizeof *losses);
    if (!trainer || !order || !losses) {
        nn_fail(device, VKN_OUT_OF_MEMORY, "trainer: out of memory");
        free(trainer);
        free(order);
        free(losses);
        return NULL;
    }
    *trainer = (training_trainer){
        .with = *with, .steps = with->data->epoch / with->batch_size, .host_order = order, .host_losses = losses};
    for (uint32_t i = 0; i < most; i++)
        order[i] = i;
    training_data_upload(with->data, device);
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
        trainer->orders[s] = nn_vector(device, NN_FOREVER, VKN_I64, counts[s]);
        nn_upload(device, &trainer->orders[s], order);
    }
    trainer->losses = nn_vector(device, NN_FOREVER, VKN_F32, trainer->steps);
    if (nn_ok(device)) return trainer;
    training_trainer_destroy(trainer);
    return NULL;
}

void training_trainer_destroy(training_trainer *trainer) {
    if (!trainer) return;
    free(trainer->host_order);
    free(trainer->host_losses);
    free(trainer);
}

// The numbers of a split's records from `first` on.
static training_batch draw(const training_trainer *trainer, training_split split, uint32_t first, uint32_t count) {
    const vkn_tensor index = nn_rows(trainer->with.device, &trainer->orders[split], first, count);
    return trainer->with.data->ops->draw(trainer->with.data, trainer->with.device, split, &index);
}

// Predictions that a batch of `records` makes; this rank's share of it has perhaps none.
static uint32_t predictions(const training_trainer *trainer, uint32_t records) {
    return records * trainer->with.data->predictions;
}

// Batch, forward, loss, backward and update.
static void train_step(training_trainer *trainer, uint32_t step) {
    const training_trainer_info *with = &trainer->with;
    nn_device *device = with->device;
    const nn_share all = {0, with->batch_size};
    const nn_share share = with->ranks ? nn_ranks_share(with->ranks, with->batch_size) : all;
    nn_begin(device);
    const training_batch batch = draw(trainer, TRAINING_TRAIN, step * with->batch_size + share.first, share.count);
    const vkn_tensor loss = nn_rows(device, &trainer->losses, step, 1);
    const vkn_tensor logits = nn_module_forward(with->network, batch.x);
    const vkn_tensor dlogits = nn_tensor_like(device, &logits);
    with->loss(device, &logits, &batch.targets, predictions(trainer, with->batch_size), &loss, NULL, &dlogits);
    nn_module_backward(with->network, dlogits, false);
    if (with->ranks) nn_ranks_sum_gradients(with->ranks);
    nn_optimizer_step(with->optimizer);
    nn_submit(device);
}

double training_trainer_epoch(training_trainer *trainer) {
    const training_trainer_info *with = &trainer->with;
    nn_device *device = with->device;
    nn_random_shuffle(with->random, trainer->host_order, with->data->counts[TRAINING_TRAIN]);
    nn_upload(device, &trainer->orders[TRAINING_TRAIN], trainer->host_order);
    nn_module_train(with->network, !with->in_eval_mode);
    for (uint32_t step = 0; step < trainer->steps && nn_ok(device); step++)
        train_step(trainer, step);
    nn_download(device, &trainer->losses, trainer->host_losses);
    if (with->ranks) nn_ranks_sum(with->ranks, trainer->host_losses, trainer->steps);
    double sum = 0;
    for (uint32_t step = 0; step < trainer->steps; step++)
        sum += (double)trainer->host_losses[step];
    return sum / trainer->steps;
}

// Adds the batch's loss, and the number of its predictions that are right.
static void test_batch(training_trainer *trainer, uint32_t first, uint32_t count, training_score *sum) {
    nn_device *device = trainer->with.device;
    nn_begin(device);
    const training_batch batch = draw(trainer, TRAINING_TEST, first, count);
    const vkn_tensor both = nn_matrix(device, NN_STEP, 2, 1);
    const vkn_tensor loss = nn_rows(device, &both, 0, 1), right = nn_rows(device, &both, 1, 1);
    const vkn_tensor logits = nn_module_forward(trainer->with.network, batch.x);
    trainer->with.loss(device, &logits, &batch.targets, predictions(trainer, count), &loss, &right, NULL);
    nn_submit(device);
    float host[2] = {0, 0};
    nn_download(device, &both, host);
    sum->loss += (double)host[0] * count;
    sum->accuracy += (double)host[1];
}

training_score training_trainer_test(training_trainer *trainer, uint32_t batch_size) {
    const uint32_t total = trainer->with.data->counts[TRAINING_TEST];
    training_score score = {0};
    nn_module_train(trainer->with.network, false);
    for (uint32_t first = 0; first < total && nn_ok(trainer->with.device); first += batch_size) {
        const uint32_t left = total - first;
        test_batch(trainer, first, left < batch_size ? left : batch_size, &score);
    }
    score.loss /= total;
    score.accuracy /= predictions(trainer, total);
    return score;
}

uint32_t training_trainer_steps(const training_trainer *trainer) {
    return trainer->steps;
}

const float *training_trainer_losses(const training_trainer *trainer) {
    return trainer->host_losses;
}

const int64_t *training_trainer_order(const training_trainer *trainer) {
    return trainer->host_order;
}
