// SPDX-License-Identifier: MIT
// The data that programs train on, from their files to the batches on the device, and what a training leaves for
// others.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batches.h"
#include "csv.h"
#include "digits.h"
#include "fixture.h"
#include "linear.h"
#include "optimizer.h"

enum { DIGITS = 1797, SIDE = 8, PIXELS = SIDE * SIDE };
static const char *const digits_file = DATA_FOLDER "/digits.csv";

static training_records *load_digits(uint32_t size, uint32_t channels, uint32_t first, uint32_t classes) {
    nn_random random = {3};
    const training_digits_info info = {digits_file, size, channels, first, classes};
    training_records *records = training_digits_load(&info, &random);
    assert_non_null(records);
    return records;
}

// As they stand in the file, 0 to 16, in the same order.
static training_records *load_pixels(void) {
    nn_random random = {3};
    training_table table;
    training_record record;
    assert_true(training_csv_read(digits_file, 10, &table, &record));
    assert_int_equal(table.count, DIGITS);
    training_records *records = training_records_split(&record, &table, &random);
    assert_non_null(records);
    return records;
}

// Bilinear between the centres of pixels, in double: what lies beyond the outer centres is as they are.
static double reference_pixel(const float *pixels, uint32_t size, uint32_t y, uint32_t x) {
    const uint32_t place[2] = {y, x};
    double at[2];
    for (int i = 0; i < 2; i++)
        at[i] = fmin(fmax((place[i] + 0.5) * SIDE / size - 0.5, 0), SIDE - 1);
    double sum = 0;
    for (int v = 0; v < SIDE; v++) {
        for (int h = 0; h < SIDE; h++)
            sum += fmax(0, 1 - fabs(at[0] - v)) * fmax(0, 1 - fabs(at[1] - h)) * (double)pixels[v * SIDE + h];
    }
    return sum / 8 - 1;
}

static void check_images(const training_records *images, const training_records *pixels) {
    const uint32_t size = images->record.shape[images->record.rank - 1];
    const uint32_t channels = images->record.rank == 3 ? images->record.shape[0] : 1;
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
        assert_int_equal(images->host[s].count, pixels->host[s].count);
        assert_memory_equal(images->host[s].labels, pixels->host[s].labels, images->host[s].count * sizeof(int64_t));
        const float *image = images->host[s].features;
        for (uint32_t i = 0; i < images->host[s].count; i += 40) {
            for (uint32_t p = 0; p < channels * size * size; p++) {
                const double expected =
                    reference_pixel(&pixels->host[s].features[(size_t)i * PIXELS], size, p / size % size, p % size);
                // Three mixes of numbers up to 16, divided by 8.
                const size_t at = (size_t)i * channels * size * size + p;
                assert_near((double)image[at], expected, 3 * 16 * ULP / 8 + ULP, "pixel", at);
            }
        }
    }
}

static void test_digits(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{8, 0}, {8, 1}, {12, 3}, {32, 1}};
    training_records *pixels = load_pixels();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        training_records *images = load_digits(sizes[i][0], sizes[i][1], 0, 0);
        assert_int_equal(images->record.classes, 10);
        assert_int_equal(images->record.rank, sizes[i][1] ? 3 : 2);
        check_images(images, pixels);
        training_data_destroy(&images->data);
    }
    training_data_destroy(&pixels->data);
}

// The digits 0 to 4 and 5 to 9 are all there are, with labels from 0 on.
static void test_some_digits(void **state) {
    (void)state;
    uint32_t total = 0;
    for (uint32_t first = 0; first < 10; first += 5) {
        training_records *some = load_digits(8, 1, first, 5);
        assert_int_equal(some->record.classes, 5);
        for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
            uint32_t seen[5] = {0};
            total += some->host[s].count;
            for (uint32_t i = 0; i < some->host[s].count; i++) {
                assert_in_range(some->host[s].labels[i], 0, 4);
                seen[some->host[s].labels[i]]++;
            }
            for (int c = 0; c < 5; c++)
                assert_true(seen[c] > some->host[s].count / 8);
        }
        training_data_destroy(&some->data);
    }
    assert_int_equal(total, DIGITS);
}

static void test_no_digits(void **state) {
    (void)state;
    nn_random random = {0};
    assert_null(training_digits_load(&(training_digits_info){.path = DATA_FOLDER "/wdbc.csv", .size = 8}, &random));
    assert_null(training_digits_load(&(training_digits_info){.path = "no-such-file", .size = 8}, &random));
}

static void check_draw(fixture *f, training_records *records, training_split split) {
    enum { PICKED = 7 };
    const training_table *host = &records->host[split];
    const int64_t index[PICKED] = {host->count - 1, 0, 5, 5, 17, 3, 61};
    const uint32_t features = training_record_features(&records->record);
    const vkn_tensor tindex = nn_vector(f->device, NN_FOREVER, VKN_I64, PICKED);
    nn_upload(f->device, &tindex, index);
    training_data_upload(&records->data, f->device);
    nn_begin(f->device);
    const training_batch batch = records->data.ops->draw(&records->data, f->device, split, &tindex);
    submit(f);
    assert_int_equal(batch.x.rank, records->record.rank + 1);
    assert_int_equal(batch.x.shape[0], PICKED);
    assert_memory_equal(&batch.x.shape[1], records->record.shape, records->record.rank * sizeof(uint32_t));
    float *x = read_tensor(f, &batch.x), binary[PICKED];
    int64_t classes[PICKED];
    nn_download(f->device, &batch.targets, records->record.binary ? (void *)binary : (void *)classes);
    assert_int_equal(batch.targets.dtype, records->record.binary ? VKN_F32 : VKN_I64);
    for (int i = 0; i < PICKED; i++) {
        const float *expected = &host->features[(size_t)index[i] * features];
        assert_memory_equal(&x[(size_t)i * features], expected, features * sizeof(float));
        const int64_t target = records->record.binary ? (int64_t)binary[i] : classes[i];
        assert_int_equal(target, host->labels[index[i]]);
    }
    free(x);
}

static void test_draw(void **state) {
    training_records *classes = load_digits(9, 2, 0, 0), *binary = load_digits(8, 0, 4, 2);
    binary->record.binary = true;
    for (int s = 0; s < TRAINING_SPLIT_COUNT; s++) {
        check_draw(*state, classes, (training_split)s);
        check_draw(*state, binary, (training_split)s);
    }
    training_data_destroy(&classes->data);
    training_data_destroy(&binary->data);
}

static const vkn_safetensor *find(const vkn_safetensors *file, const char *name, uint64_t bytes) {
    const vkn_safetensor *tensor = vkn_safetensors_find(file, name);
    assert_non_null(tensor);
    assert_int_equal(tensor->bytes, bytes);
    return tensor;
}

// The file has the records and, for each epoch, a different order without a record twice; and its first steps' losses
// are those of the batches that it names.
static void check_batches_file(const char *path, const training_records *records, uint32_t epochs, uint32_t used) {
    vkn_safetensors file;
    vkn_safetensors_error error;
    assert_int_equal(vkn_safetensors_load(path, &file, &error), VKN_OK);
    const training_table *train = &records->host[TRAINING_TRAIN];
    const size_t features = training_record_features(&records->record);
    const vkn_safetensor *x = find(&file, "train.x", train->count * features * sizeof(float));
    assert_memory_equal(x->data, train->features, x->bytes);
    const vkn_safetensor *targets = find(&file, "train.targets", train->count * sizeof(int64_t));
    assert_memory_equal(targets->data, train->labels, targets->bytes);
    find(&file, "test.x", records->host[TRAINING_TEST].count * features * sizeof(float));
    find(&file, "test.targets", records->host[TRAINING_TEST].count * sizeof(int64_t));
    const uint64_t bytes = (uint64_t)epochs * used * sizeof(int64_t);
    const vkn_safetensor *saved = find(&file, "order", bytes);
    int64_t *order = malloc(bytes + 1);
    assert_non_null(order);
    memcpy(order, saved->data, bytes);
    assert_memory_not_equal(order, order + used, used * sizeof(int64_t));
    for (uint32_t e = 0; e < epochs; e++) {
        bool *seen = calloc(train->count, sizeof *seen);
        assert_non_null(seen);
        for (uint32_t i = 0; i < used; i++) {
            const int64_t record = order[e * used + i];
            assert_in_range(record, 0, train->count - 1);
            assert_false(seen[record]);
            seen[record] = true;
        }
        free(seen);
    }
    free(order);
    vkn_safetensors_free(&file);
}

static void test_batches(void **state) {
    fixture *f = *state;
    enum { EPOCHS = 3, BATCH = 40 };
    training_records *records = load_digits(8, 0, 1, 2);
    records->record.binary = true;
    records->record.rank = 1;
    records->record.shape[0] = PIXELS;
    const uint32_t steps = records->data.epoch / BATCH;
    nn_adam_info info = nn_adam_defaults();
    info.lr = 0.01;
    nn_module *network = nn_linear_create(f->device, PIXELS, 1, &f->random);
    nn_optimizer *adam = nn_adam_create(network, &info);
    training_trainer *trainer = training_trainer_create(&(training_trainer_info){.device = f->device,
                                                                                 .network = network,
                                                                                 .optimizer = adam,
                                                                                 .loss = nn_bce_with_logits,
                                                                                 .data = &records->data,
                                                                                 .random = &f->random,
                                                                                 .batch_size = BATCH});
    assert_non_null(trainer);
    char path[] = "batches_XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    training_batches batches = {.path = path};
    double first = 0, last = 0;
    for (int e = 0; e < EPOCHS; e++) {
        last = training_trainer_epoch(trainer);
        if (e == 0) first = last;
        double mean = 0;
        for (uint32_t i = 0; i < steps; i++)
            mean += (double)training_trainer_losses(trainer)[i] / steps;
        assert_near(last, mean, 1e-6, "mean loss", (size_t)e);
        assert_true(training_batches_add(&batches, trainer, BATCH));
    }
    assert_true(last < first);
    const training_score at_once = training_trainer_test(trainer, 1000), in_parts = training_trainer_test(trainer, 7);
    assert_true(at_once.accuracy == in_parts.accuracy && at_once.accuracy > 0.9);
    assert_near(in_parts.loss, at_once.loss, 1e-5 * at_once.loss, "loss", 0);
    assert_true(training_batches_save(&batches, &records->data));
    check_batches_file(path, records, EPOCHS, steps * BATCH);
    batches.path = "no-such-folder/batches.safetensors";
    assert_false(training_batches_save(&batches, &records->data));
    assert_int_equal(unlink(path), 0);
    training_batches_free(&batches);
    training_trainer_destroy(trainer);
    nn_optimizer_destroy(adam);
    nn_module_destroy(network);
    training_data_destroy(&records->data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits), cmocka_unit_test(test_some_digits), cmocka_unit_test(test_no_digits),
        cmocka_unit_test(test_draw),   cmocka_unit_test(test_batches),
    };
    return cmocka_run_group_tests_name("training", tests, fixture_open, fixture_close);
}
