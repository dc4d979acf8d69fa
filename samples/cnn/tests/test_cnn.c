// SPDX-License-Identifier: MIT
// The models' shapes and names, and CIFAR-10's files: what is read of them, and what is said of bad ones.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cifar10.h"
#include "fixture.h"
#include "network.h"

static const char *const FILES[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                    "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
enum { FILE_COUNT = 6, PIXELS = 3072, RECORD = 1 + PIXELS };

static unsigned char pixel(int file, uint32_t record, uint32_t at) {
    return (unsigned char)(file * 40 + (int)record * 7 + (int)(at * 31 % 251));
}

static void write_file(const char *name, int file, uint32_t records, size_t bytes, unsigned char first_class) {
    unsigned char *data = calloc(records + 1, RECORD);
    assert_non_null(data);
    for (uint32_t r = 0; r < records; r++) {
        data[(size_t)r * RECORD] = r == 0 ? first_class : (unsigned char)(r % 10);
        for (uint32_t p = 0; p < PIXELS; p++)
            data[(size_t)r * RECORD + 1 + p] = pixel(file, r, p);
    }
    FILE *out = fopen(name, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, bytes, out), bytes);
    assert_int_equal(fclose(out), 0);
    free(data);
}

// A folder of its own, which the test works in: file i has i + 1 records.
static void enter_folder(char folder[], char before[4096]) {
    assert_non_null(getcwd(before, 4096));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    for (int i = 0; i < FILE_COUNT; i++)
        write_file(FILES[i], i, (uint32_t)i + 1, ((size_t)i + 1) * RECORD, (unsigned char)i);
}

static void leave_folder(const char *folder, const char *before) {
    for (int i = 0; i < FILE_COUNT; i++)
        unlink(FILES[i]);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void check_record(const training_table *table, uint32_t at, int file, uint32_t record) {
    assert_int_equal(table->labels[at], record == 0 ? (uint32_t)file : record % 10);
    for (uint32_t p = 0; p < PIXELS; p++)
        assert_near((double)table->features[(size_t)at * PIXELS + p], pixel(file, record, p) / 127.5 - 1, 2 * ULP,
                    "pixel", p);
}

static void test_files(void **state) {
    (void)state;
    char folder[] = "/tmp/vknorm-cifar10-XXXXXX", before[4096];
    enter_folder(folder, before);
    training_records *records = cnn_cifar10_load(".");
    leave_folder(folder, before);
    assert_non_null(records);
    const training_record *record = &records->record;
    assert_int_equal(record->rank, 3);
    assert_memory_equal(record->shape, ((const uint32_t[]){3, 32, 32}), sizeof record->shape);
    assert_int_equal(records->data.counts[TRAINING_TRAIN], 1 + 2 + 3 + 4 + 5);
    assert_int_equal(records->data.counts[TRAINING_TEST], 6);
    uint32_t at = 0;
    for (int file = 0; file < FILE_COUNT - 1; file++) {
        for (uint32_t r = 0; r <= (uint32_t)file; r++)
            check_record(&records->host[TRAINING_TRAIN], at++, file, r);
    }
    for (uint32_t r = 0; r < FILE_COUNT; r++)
        check_record(&records->host[TRAINING_TEST], r, FILE_COUNT - 1, r);
    training_data_destroy(&records->data);
}

// What loading says, on stderr.
static void load_badly(char *said, size_t size) {
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    const int kept = dup(STDERR_FILENO);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    training_records *records = cnn_cifar10_load(".");
    fflush(stderr);
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    close(kept);
    assert_null(records);
    rewind(file);
    said[fread(said, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void test_bad_files(void **state) {
    (void)state;
    static const struct {
        int file;
        uint32_t records;
        size_t bytes;
        unsigned char first_class;
        const char *text;
    } cases[] = {
        {0, 2, (size_t)2 * RECORD - 1, 0, "./data_batch_1.bin: 6145 bytes, expected 1 to 100000 records of 3073"},
        {2, 0, 0, 0, "./data_batch_3.bin: 0 bytes, expected 1 to 100000 records of 3073"},
        {4, 3, (size_t)3 * RECORD, 10, "./data_batch_5.bin: record 1 is of class 10, expected 0 to 9"},
        {5, 2, (size_t)2 * RECORD, 255, "./test_batch.bin: record 1 is of class 255, expected 0 to 9"},
    };
    char said[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[] = "/tmp/vknorm-cifar10-XXXXXX", before[4096];
        enter_folder(folder, before);
        write_file(FILES[cases[i].file], 0, cases[i].records, cases[i].bytes, cases[i].first_class);
        load_badly(said, sizeof said);
        leave_folder(folder, before);
        if (!strstr(said, cases[i].text)) fail_msg("'%s' does not say '%s'", said, cases[i].text);
    }
    char folder[] = "/tmp/vknorm-cifar10-XXXXXX", before[4096];
    enter_folder(folder, before);
    unlink(FILES[3]);
    load_badly(said, sizeof said);
    leave_folder(folder, before);
    assert_non_null(strstr(said, "./data_batch_4.bin: No such file or directory"));
}

typedef struct shape_list {
    char text[2048];
} shape_list;

static void add_name(void *user, const char *name, const nn_parameter *parameter) {
    shape_list *list = user;
    const size_t used = strlen(list->text);
    const vkn_tensor *value = &parameter->value;
    snprintf(&list->text[used], sizeof list->text - used, "%s[%llu] ", name,
             (unsigned long long)vkn_tensor_count(value));
}

// As the state_dict of the same torch.nn.Sequential, with the number of elements.
static void test_names(void **state) {
    fixture *f = *state;
    static const struct {
        cnn_network_info info;
        const char *names;
    } cases[] = {
        {{&cnn_simple, VKN_BATCH, 0, 1, 8, 10},
         "0.weight[144] 1.weight[16] 1.bias[16] 1.running_mean[16] 1.running_var[16] 1.num_batches_tracked[1] "
         "3.weight[2304] 4.weight[16] 4.bias[16] 4.running_mean[16] 4.running_var[16] 4.num_batches_tracked[1] "
         "8.weight[2560] 8.bias[10] "},
        {{&cnn_simple, 0, 0, 3, 8, 10},
         "0.weight[432] 0.bias[16] 2.weight[2304] 2.bias[16] 6.weight[2560] 6.bias[10] "},
        {{&cnn_simple, VKN_LAYER, 0, 1, 8, 5},
         "0.weight[144] 0.bias[16] 1.weight[1024] 1.bias[1024] 3.weight[2304] 3.bias[16] 4.weight[1024] 4.bias[1024] "
         "8.weight[1280] 8.bias[5] "},
        {{&cnn_sequential, VKN_INSTANCE, 0, 3, 32, 10},
         "0.weight[1728] 4.weight[73728] 9.weight[4194304] 9.bias[512] 11.weight[5120] 11.bias[10] "},
        {{&cnn_cifar10, VKN_GROUP, 0.5, 3, 32, 10},
         "0.weight[864] 0.bias[32] 1.weight[32] 1.bias[32] 4.weight[18432] 4.bias[64] 5.weight[64] 5.bias[64] "
         "8.weight[73728] 8.bias[128] 9.weight[128] 9.bias[128] 13.weight[1048576] 13.bias[512] 14.weight[512] "
         "14.bias[512] 17.weight[5120] 17.bias[10] "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nn_module *network = cnn_network_create(f->device, &cases[i].info, &f->random);
        assert_non_null(network);
        shape_list list = {""};
        nn_module_state(network, add_name, &list);
        assert_string_equal(list.text, cases[i].names);
        nn_module_destroy(network);
    }
}

// Each model, and one with each norm, runs forward and backward on two images.
static void test_models(void **state) {
    fixture *f = *state;
    static const struct {
        const cnn_model *model;
        vkn_kind norm;
    } cases[] = {{&cnn_simple, VKN_BATCH},    {&cnn_sequential, VKN_BATCH}, {&cnn_cifar10, VKN_BATCH},
                 {&cnn_cifar10, 0},           {&cnn_cifar10, VKN_GROUP},    {&cnn_cifar10, VKN_LAYER},
                 {&cnn_cifar10, VKN_INSTANCE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cnn_network_info info = {cases[i].model, cases[i].norm, 0.5, 1, 8, 10};
        nn_module *network = cnn_network_create(f->device, &info, &f->random);
        assert_non_null(network);
        const vkn_tensor x = nn_tensor_create(f->device, NN_FOREVER, VKN_F32, 4, (const uint32_t[]){2, 1, 8, 8});
        const vkn_tensor dy = nn_matrix(f->device, NN_FOREVER, 2, 10);
        float *host = random_floats(f, 128, 1);
        nn_upload(f->device, &x, host);
        nn_upload(f->device, &dy, host);
        nn_begin(f->device);
        const vkn_tensor y = nn_module_forward(network, x), dx = nn_module_backward(network, dy, true);
        submit(f);
        assert_int_equal(y.rank, 2);
        assert_int_equal(y.shape[1], 10);
        float *got = read_tensor(f, &dx);
        double size = 0;
        for (int p = 0; p < 128; p++)
            size += fabs((double)got[p]);
        assert_true(isfinite(size) && size > 0);
        free(host);
        free(got);
        nn_module_destroy(network);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests_name("cnn", tests, fixture_open, fixture_close);
}
