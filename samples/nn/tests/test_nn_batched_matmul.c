// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "fixture.h"
#include "matmul.h"
#include "reference.h"

// Where element `e` of the batch's matrix `k`, of `columns` columns, lies.
static size_t element_of(const nn_batch *batch, size_t inner, size_t k, size_t columns, size_t e) {
    return batch->first + k / inner * batch->outer + k % inner * batch->inner + e / columns * batch->pitch +
           e % columns;
}

// Each product of a batch against the reference. a, b and c lie in tensors with gaps, which stay as they are.
static void check_batch(fixture *f, uint32_t outer, uint32_t inner, const reference_product *p) {
    enum { GAP = 3 };
    const uint32_t rows = (uint32_t)p->rows, columns = (uint32_t)p->columns, depth = (uint32_t)p->depth;
    const uint32_t stored[3][2] = {{p->transpose_a ? depth : rows, p->transpose_a ? rows : depth},
                                   {p->transpose_b ? columns : depth, p->transpose_b ? depth : columns},
                                   {rows, columns}};
    nn_batch batches[3];
    box boxes[3];
    float *data[3];
    for (int i = 0; i < 3; i++) {
        const uint32_t pitch = inner * stored[i][1] + GAP;
        const size_t count = (size_t)GAP + (size_t)outer * stored[i][0] * pitch;
        data[i] = random_floats(f, count, 1);
        boxes[i] = box_create(f, 1, (uint32_t)count, data[i]);
        batches[i] = (nn_batch){.tensor = boxes[i].inside,
                                .first = GAP,
                                .pitch = pitch,
                                .outer = stored[i][0] * pitch,
                                .inner = stored[i][1]};
    }
    nn_begin(f->device);
    nn_batched_matmul(f->device, &(nn_batched_matmul_args){.outer = outer,
                                                           .inner = inner,
                                                           .rows = rows,
                                                           .columns = columns,
                                                           .depth = depth,
                                                           .a = batches[0],
                                                           .b = batches[1],
                                                           .c = batches[2],
                                                           .transpose_a = p->transpose_a,
                                                           .transpose_b = p->transpose_b});
    submit(f);
    float *got = box_read(f, &boxes[2]);
    double *operands[2], *expected = zeros(p->rows * p->columns), *sizes = zeros(p->rows * p->columns);
    for (uint32_t k = 0; k < outer * inner; k++) {
        for (int i = 0; i < 2; i++) {
            operands[i] = zeros((size_t)stored[i][0] * stored[i][1]);
            for (size_t e = 0; e < (size_t)stored[i][0] * stored[i][1]; e++)
                operands[i][e] = (double)data[i][element_of(&batches[i], inner, k, stored[i][1], e)];
        }
        reference_product one = *p;
        one.a = operands[0];
        one.b = operands[1];
        reference_matmul(&one, expected, sizes);
        for (uint32_t e = 0; e < rows * columns; e++) {
            const size_t at = element_of(&batches[2], inner, k, columns, e);
            assert_near((double)got[at], expected[e], 4 * ULP * sizes[e], "c", at);
            data[2][at] = got[at];
        }
        free(operands[0]);
        free(operands[1]);
    }
    assert_memory_equal(got, data[2], vkn_tensor_count(&boxes[2].inside) * sizeof *got);
    void *all[] = {data[0], data[1], data[2], got, expected, sizes};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static void test_batched_matmul(void **state) {
    static const size_t sizes[][3] = {{1, 1, 1}, {5, 3, 7}, {33, 65, 17}, {64, 8, 40}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int variant = 0; variant < 4; variant++) {
            check_batch(*state, 3, 2,
                        &(reference_product){.rows = sizes[i][0],
                                             .columns = sizes[i][1],
                                             .depth = sizes[i][2],
                                             .transpose_a = variant & 1,
                                             .transpose_b = variant & 2});
        }
    }
    fixture *f = *state;
    const vkn_tensor c = nn_matrix(f->device, NN_FOREVER, 2, 2), a = nn_matrix(f->device, NN_FOREVER, 4, 2);
    nn_begin(f->device);
    nn_batched_matmul(f->device, &(nn_batched_matmul_args){.outer = 2,
                                                           .inner = 1,
                                                           .rows = 2,
                                                           .columns = 2,
                                                           .depth = 2,
                                                           .a = {.tensor = a, .pitch = 2, .outer = 4},
                                                           .b = {.tensor = a, .pitch = 2, .outer = 4},
                                                           .c = {.tensor = c, .pitch = 2, .outer = 4}});
    assert_failure(f, VKN_BAD_ARGUMENT, "c reaches to element 8 of a tensor that has 4");
}

// More products than an axis of the grid takes, all of the same row and column of ones: folded, and nothing is written
// behind the last.
static void test_batched_matmul_folded(void **state) {
    fixture *f = *state;
    enum { PRODUCTS = 65, DEPTH = 40 };
    float *ones = random_floats(f, DEPTH, 0);
    for (int i = 0; i < DEPTH; i++)
        ones[i] = 1;
    const box ta = box_create(f, DEPTH, 1, ones), tc = box_create(f, PRODUCTS, 1, NULL);
    nn_begin(f->device);
    nn_batched_matmul(f->device, &(nn_batched_matmul_args){.outer = PRODUCTS,
                                                           .inner = 1,
                                                           .rows = 1,
                                                           .columns = 1,
                                                           .depth = DEPTH,
                                                           .a = {.tensor = ta.inside, .pitch = DEPTH},
                                                           .b = {.tensor = ta.inside, .pitch = 1},
                                                           .c = {.tensor = tc.inside, .pitch = 1, .outer = 1}});
    submit(f);
    float *c = box_read(f, &tc);
    for (int i = 0; i < PRODUCTS; i++)
        assert_true(c[i] == DEPTH);
    free(c);
    free(ones);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_batched_matmul)};
    const struct CMUnitTest limited[] = {cmocka_unit_test(test_batched_matmul_folded)};
    return cmocka_run_group_tests_name("nn batched matmul", tests, fixture_open, fixture_close) +
           cmocka_run_group_tests_name("nn batched matmul limits", limited, fixture_open_limited, fixture_close);
}
