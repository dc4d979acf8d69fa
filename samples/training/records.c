// SPDX-License-Identifier: MIT
#include "records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gather.h"
#include "say.h"

uint32_t training_record_features(const training_record *record) {
    uint32_t features = 1;
    for (uint32_t i = 0; i < record->rank; i++)
        features *= record->shape[i];
    return features;
}

bool training_table_create(training_table *table, const training_record *record, uint32_t count) {
    *table = (training_table){.count = count,
                              .features = calloc((size_t)count * training_record_features(record) + 1, sizeof(float)),
                              .labels = calloc((size_t)count + 1, sizeof(int64_t))};
    if (table->features && table->labels) return true;
    training_say("no memory for %u records of %u features", count, training_record_features(record));
    training_table_free(table);
    return false;
}

void training_table_free(training_table *table) {
    free(table->features);
    free(table->labels);
    *table = (training_table){0};
}

// As the loss wants them. NULL: out of memory.
static void *make_targets(const training_record *record, const training_table *table) {
    const size_t bytes = table->count * (record->binary ? sizeof(float) : sizeof(int64_t));
    void *targets = malloc(bytes + 1);
    if (!targets) return NULL;
    if (!record->binary) return memcpy(targets, table->labels, bytes);
    for (uint32_t i = 0; i < table->count; i++)
        ((float *)targets)[i] = (float)table->labels[i];
    return targets;
}

static void records_upload(training_data *data, nn_device *device) {
    training_records *self = (training_records *)data;
    const uint32_t features = training_record_features(&self->record);
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
        const uint32_t count = self->host[s].count;
        void *targets = make_targets(&self->record, &self->host[s]);
        if (!targets) nn_fail(device, VKN_OUT_OF_MEMORY, "records: no memory for %u targets", count);
        self->features[s] = nn_matrix(device, NN_FOREVER, count, features);
        self->targets[s] = nn_tensor_create(device, NN_FOREVER, self->record.binary ? VKN_F32 : VKN_I64, 2,
                                            (const uint32_t[]){count, 1});
        nn_upload(device, &self->features[s], self->host[s].features);
        nn_upload(device, &self->targets[s], targets);
        free(targets);
    }
}

static training_batch records_draw(const training_data *data, nn_device *device, training_split split,
                                   const vkn_tensor *index) {
    const training_records *self = (const training_records *)data;
    training_batch batch = {.x = nn_gather(device, &self->features[split], index),
                            .targets = nn_gather(device, &self->targets[split], index)};
    batch.x.rank = self->record.rank + 1;
    memcpy(&batch.x.shape[1], self->record.shape, self->record.rank * sizeof(uint32_t));
    if (!self->record.binary) batch.targets.rank = 1;
    return batch;
}

static size_t records_tensors(const training_data *data, vkn_safetensor out[TRAINING_DATA_TENSORS]) {
    static const char *const names[TRAINING_SPLIT_COUNT][2] = {
        [TRAINING_TRAIN] = {"train.x", "train.targets"}, [TRAINING_TEST] = {"test.x", "test.targets"}};
    const training_records *self = (const training_records *)data;
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
        const training_table *table = &self->host[s];
        vkn_safetensor *x = &out[2 * (size_t)s], *targets = x + 1;
        *x = (vkn_safetensor){.name = names[s][0],
                              .dtype = VKN_SAFETENSORS_F32,
                              .rank = self->record.rank + 1,
                              .shape = {table->count},
                              .data = table->features,
                              .bytes = (uint64_t)table->count * training_record_features(&self->record) * 4};
        for (uint32_t i = 0; i < self->record.rank; i++)
            x->shape[i + 1] = self->record.shape[i];
        *targets = (vkn_safetensor){.name = names[s][1],
                                    .dtype = VKN_SAFETENSORS_I64,
                                    .rank = 1,
                                    .shape = {table->count},
                                    .data = table->labels,
                                    .bytes = (uint64_t)table->count * 8};
    }
    return TRAINING_DATA_TENSORS;
}

static void records_destroy(training_data *data) {
    training_records *self = (training_records *)data;
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++)
        training_table_free(&self->host[s]);
    free(self);
}

static const training_data_ops records_ops = {
    .upload = records_upload, .draw = records_draw, .tensors = records_tensors, .destroy = records_destroy};

training_records *training_records_create(const training_record *record, training_table *train, training_table *test) {
    training_records *self = calloc(1, sizeof *self);
    if (!self) {
        training_say("out of memory");
        training_table_free(train);
        training_table_free(test);
        return NULL;
    }
    *self = (training_records){
        .data = {.ops = &records_ops, .counts = {train->count, test->count}, .predictions = 1, .epoch = train->count},
        .record = *record,
        .host = {*train, *test}};
    snprintf(self->data.about, sizeof self->data.about, "%u records to train on, %u to test on, %u features each",
             train->count, test->count, training_record_features(record));
    *train = *test = (training_table){0};
    return self;
}

static bool copy_records(training_table *out, const training_record *record, const training_table *in,
                         const int64_t *order, uint32_t count) {
    const size_t features = training_record_features(record);
    if (!training_table_create(out, record, count)) return false;
    for (uint32_t i = 0; i < count; i++) {
        const size_t from = (size_t)order[i];
        memcpy(&out->features[i * features], &in->features[from * features], features * sizeof(float));
        out->labels[i] = in->labels[from];
    }
    return true;
}

training_records *training_records_split(const training_record *record, training_table *table, nn_random *random) {
    const uint32_t test_count = table->count / 5;
    training_table train = {0}, test = {0};
    int64_t *order = malloc((table->count + (size_t)1) * sizeof *order);
    bool ok = order != NULL;
    if (ok) {
        for (uint32_t i = 0; i < table->count; i++)
            order[i] = i;
        nn_random_shuffle(random, order, table->count);
        ok = copy_records(&test, record, table, order, test_count) &&
             copy_records(&train, record, table, order + test_count, table->count - test_count);
    } else {
        training_say("no memory for the order of %u records", table->count);
    }
    free(order);
    training_table_free(table);
    if (ok) return training_records_create(record, &train, &test);
    training_table_free(&train);
    training_table_free(&test);
    return NULL;
}
