// SPDX-License-Identifier: MIT
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gather.h"
#include "say.h"

enum { VALUES = 256, MOST = 1 << 26, TEST_PART = 10 };

// The file's bytes. NULL after a failure, which it has told.
static unsigned char *read_bytes(const char *path, uint32_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        training_say("%s: %s", path, strerror(errno));
        return NULL;
    }
    unsigned char *bytes = NULL;
    size_t size = 0, room = 1 << 16;
    bool ok = true;
    while (ok && size <= MOST && !feof(file)) {
        unsigned char *larger = realloc(bytes, room *= 2);
        ok = larger != NULL;
        if (!ok) break;
        bytes = larger;
        size += fread(bytes + size, 1, room - size, file);
        ok = !ferror(file);
    }
    if (!ok || size > MOST) {
        training_say("%s: %s", path, ok ? "more than 64 MiB" : strerror(errno));
        ok = false;
    }
    fclose(file);
    if (!ok) {
        free(bytes);
        return NULL;
    }
    *count = (uint32_t)size;
    return bytes;
}

static void text_upload(training_data *data, nn_device *device) {
    text *self = (text *)data;
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
        self->on_device[s] = nn_vector(device, NN_FOREVER, VKN_I64, self->lengths[s]);
        nn_upload(device, &self->on_device[s], self->tokens[s]);
    }
}

static training_batch text_draw(const training_data *data, nn_device *device, training_split split,
                                const vkn_tensor *index) {
    const text *self = (const text *)data;
    const uint32_t stride = split == TRAINING_TRAIN ? 1 : self->context;
    const vkn_tensor behind = nn_rows(device, &self->on_device[split], 1, self->lengths[split] - 1);
    return (training_batch){.x = nn_gather_windows(device, &self->on_device[split], index, stride, self->context),
                            .targets = nn_gather_windows(device, &behind, index, stride, self->context)};
}

static size_t text_tensors(const training_data *data, vkn_safetensor out[TRAINING_DATA_TENSORS]) {
    static const char *const names[TRAINING_SPLIT_COUNT] = {
        [TRAINING_TRAIN] = "train.tokens", [TRAINING_TEST] = "test.tokens"};
    const text *self = (const text *)data;
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
        out[s] = (vkn_safetensor){.name = names[s],
                                  .dtype = VKN_SAFETENSORS_I64,
                                  .rank = 1,
                                  .shape = {self->lengths[s]},
                                  .data = self->tokens[s],
                                  .bytes = (uint64_t)self->lengths[s] * sizeof(int64_t)};
    }
    return TRAINING_SPLIT_COUNT;
}

static void text_destroy(training_data *data) {
    text *self = (text *)data;
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++)
        free(self->tokens[s]);
    free(self);
}

static const training_data_ops text_ops = {
    .upload = text_upload, .draw = text_draw, .tensors = text_tensors, .destroy = text_destroy};

// Numbers the values that occur, in their order, and cuts the text in two. False: out of memory.
static bool take_tokens(text *self, const unsigned char *bytes) {
    int64_t numbers[VALUES] = {0};
    const uint32_t all = self->lengths[TRAINING_TRAIN] + self->lengths[TRAINING_TEST];
    for (uint32_t i = 0; i < all; i++)
        numbers[bytes[i]] = 1;
    for (int value = 0; value < VALUES; value++) {
        if (numbers[value]) numbers[value] = self->characters++;
    }
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
        self->tokens[s] = malloc(self->lengths[s] * sizeof *self->tokens[s]);
        if (!self->tokens[s]) return false;
        for (uint32_t i = 0; i < self->lengths[s]; i++)
            self->tokens[s][i] = numbers[*bytes++];
    }
    return true;
}

text *text_load(const char *path, uint32_t context) {
    uint32_t count = 0;
    unsigned char *bytes = read_bytes(path, &count);
    if (!bytes) return NULL;
    const uint64_t least = ((uint64_t)context + 1) * TEST_PART;
    text *self = count < least ? NULL : calloc(1, sizeof *self);
    if (count < least) {
        training_say("%s: %u characters, expected at least %llu for windows of %u", path, count,
                     (unsigned long long)least, context);
    } else if (self) {
        const uint32_t test = count / TEST_PART, train = count - test;
        *self = (text){.data = {.ops = &text_ops,
                                .counts = {train - context, (test - 1) / context},
                                .predictions = context,
                                .epoch = (train - 1) / context},
                       .context = context,
                       .lengths = {train, test}};
        if (take_tokens(self, bytes)) {
            snprintf(self->data.about, sizeof self->data.about,
                     "%u characters to train on, %u to test on, %u different ones", train, test, self->characters);
            free(bytes);
            return self;
        }
    }
    if (count >= least) training_say("%s: no memory for %u characters", path, count);
    if (self) text_destroy(&self->data);
    free(bytes);
    return NULL;
}
