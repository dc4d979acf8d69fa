// SPDX-License-Identifier: MIT
// Ranks: their shares of a batch, and sums over them. The other ranks are made up: rank r has (r + 1) times as much.
#include <stdlib.h>

#include "fixture.h"
#include "linear.h"
#include "ranks.h"

typedef struct others {
    uint32_t rank, count;
    int code, calls;
} others;

static void others_place(void *user, uint32_t *rank, uint32_t *count) {
    const others *self = user;
    *rank = self->rank;
    *count = self->count;
}

static int others_gather(void *user, const void *mine, void *all, size_t bytes) {
    others *self = user;
    self->calls++;
    for (size_t i = 0; i < bytes / sizeof(float); i++) {
        for (uint32_t r = 0; r < self->count; r++)
            ((float *)all)[r * (bytes / sizeof(float)) + i] = ((const float *)mine)[i] * (float)(r + 1);
    }
    return self->code;
}

static nn_ranks *ranks_create(nn_module *module, nn_optimizer *adam, others *self) {
    const vkn_communicator communicator = {others_place, others_gather, self};
    nn_ranks *ranks = nn_ranks_create(module, adam, &communicator);
    assert_non_null(ranks);
    return ranks;
}

static void test_shares(void **state) {
    fixture *f = *state;
    nn_module *linear = nn_linear_create(f->device, 2, 2, &f->random);
    const nn_adam_info info = nn_adam_defaults();
    nn_optimizer *adam = nn_adam_create(linear, &info);
    static const uint32_t counts[] = {0, 1, 3, 64, 65, UINT32_MAX};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        for (uint32_t n = 1; n <= 5; n++) {
            uint32_t next = 0;
            for (uint32_t r = 0; r < n; r++) {
                others self = {.rank = r, .count = n};
                nn_ranks *ranks = ranks_create(linear, adam, &self);
                const nn_share share = nn_ranks_share(ranks, counts[c]);
                assert_int_equal(share.first, next);
                assert_in_range(share.count, counts[c] / n, counts[c] / n + (counts[c] % n != 0));
                next += share.count;
                nn_ranks_destroy(ranks);
            }
            assert_int_equal(next, counts[c]);
        }
    }
    nn_optimizer_destroy(adam);
    nn_module_destroy(linear);
}

static void test_sums(void **state) {
    fixture *f = *state;
    nn_module *linear = nn_linear_create(f->device, 5, 3, &f->random);
    const nn_adam_info info = nn_adam_defaults();
    nn_optimizer *adam = nn_adam_create(linear, &info);
    others self = {.rank = 0, .count = 3};
    nn_ranks *ranks = ranks_create(linear, adam, &self);
    const parameter_list list = list_parameters(linear);
    float *grads[2];
    for (size_t p = 0; p < list.count; p++) {
        grads[p] = random_floats(f, vkn_tensor_count(&list.items[p].grad), 1);
        nn_upload(f->device, &list.items[p].grad, grads[p]);
    }
    nn_begin(f->device);
    nn_ranks_sum_gradients(ranks);
    submit(f);
    assert_int_equal(self.calls, 1);
    for (size_t p = 0; p < list.count; p++) {
        float *got = read_tensor(f, &list.items[p].grad);
        for (size_t i = 0; i < vkn_tensor_count(&list.items[p].grad); i++)
            assert_near((double)got[i], 6 * (double)grads[p][i], 6 * ULP, "gradient", i);
        free(got);
        free(grads[p]);
    }
    float numbers[] = {1, -2};
    nn_ranks_sum(ranks, numbers, 2);
    assert_true(numbers[0] == 6 && numbers[1] == -12);
    self.code = 5;
    nn_ranks_sum(ranks, numbers, 2);
    assert_failure(f, VKN_IO, "all_gather: error 5, on rank 0 of 3");
    assert_true(numbers[0] == 6 && numbers[1] == -12);
    nn_ranks_destroy(ranks);
    nn_ranks_destroy(NULL);
    nn_optimizer_destroy(adam);
    nn_module_destroy(linear);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares), cmocka_unit_test(test_sums)};
    return cmocka_run_group_tests_name("nn ranks", tests, fixture_open, fixture_close);
}
