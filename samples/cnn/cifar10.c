// SPDX-License-Identifier: MIT
#include "cifar10.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

enum { SIDE = 32, CHANNELS = 3, PIXELS = CHANNELS * SIDE * SIDE, RECORD_BYTES = 1 + PIXELS, CLASSES = 10 };
enum { MOST_RECORDS = 100000 }; // of a file: ten times as many as those of CIFAR-10 have

static const char *const train_files[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                          "data_batch_4.bin", "data_batch_5.bin"};
enum { TRAIN_FILES = sizeof train_files / sizeof train_files[0] };
static const char test_file[] = "test_batch.bin";

static const training_record image = {.rank = 3, .shape = {CHANNELS, SIDE, SIDE}, .classes = CLASSES};

// NULL, with *path freed, after a failure, which it has told.
static FILE *open_file(const char *folder, const char *name, char **path) {
    const size_t size = strlen(folder) + strlen(name) + 2;
    *path = malloc(size);
    if (!*path) {
        training_say("out of memory");
        return NULL;
    }
    snprintf(*path, size, "%s/%s", folder, name);
    FILE *file = fopen(*path, "rb");
    if (file) return file;
    training_say("%s: %s", *path, strerror(errno));
    free(*path);
    return NULL;
}

// How many records are in a file that is open; 0 after a failure, which it has told.
static uint32_t count_records(FILE *file, const char *path) {
    const long bytes = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (bytes < 0 || fseek(file, 0, SEEK_SET) != 0) {
        training_say("%s: %s", path, strerror(errno));
        return 0;
    }
    if (bytes == 0 || bytes % RECORD_BYTES != 0 || bytes / RECORD_BYTES > MOST_RECORDS) {
        training_say("%s: %ld bytes, expected 1 to %d records of %d", path, bytes, MOST_RECORDS, RECORD_BYTES);
        return 0;
    }
    return (uint32_t)(bytes / RECORD_BYTES);
}

static bool read_records(FILE *file, const char *path, uint32_t count, float *features, int64_t *labels) {
    unsigned char bytes[RECORD_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        if (fread(bytes, sizeof bytes, 1, file) != 1) {
            training_say("%s: record %u of %u could not be read", path, i + 1, count);
            return false;
        }
        if (bytes[0] >= CLASSES) {
            training_say("%s: record %u is of class %d, expected 0 to %d", path, i + 1, bytes[0], CLASSES - 1);
            return false;
        }
        labels[i] = bytes[0];
        for (int p = 0; p < PIXELS; p++)
            features[(size_t)i * PIXELS + (size_t)p] = (float)bytes[1 + p] / 127.5f - 1;
    }
    return true;
}

// Appends the file's records to the table.
static bool append_file(training_table *table, const char *folder, const char *name) {
    char *path = NULL;
    FILE *file = open_file(folder, name, &path);
    if (!file) return false;
    training_table all = {0};
    const uint32_t count = count_records(file, path);
    bool ok = count > 0 && training_table_create(&all, &image, table->count + count);
    if (ok && table->count > 0) {
        memcpy(all.features, table->features, (size_t)table->count * PIXELS * sizeof(float));
        memcpy(all.labels, table->labels, table->count * sizeof(int64_t));
    }
    if (ok)
        ok = read_records(file, path, count, &all.features[(size_t)table->count * PIXELS], &all.labels[table->count]);
    training_table *dropped = ok ? table : &all;
    training_table_free(dropped);
    if (ok) *table = all;
    fclose(file);
    free(path);
    return ok;
}

training_records *cnn_cifar10_load(const char *folder) {
    training_table train = {0}, test = {0};
    bool ok = true;
    for (int i = 0; ok && i < TRAIN_FILES; i++)
        ok = append_file(&train, folder, train_files[i]);
    if (ok) ok = append_file(&test, folder, test_file);
    if (ok) return training_records_create(&image, &train, &test);
    training_table_free(&train);
    training_table_free(&test);
    return NULL;
}
