// SPDX-License-Identifier: MIT
// The communicator over MPI, under mpirun: what each rank gets, in one piece and in many, and what MPI refuses.
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gather.h"

enum { MOST_BYTES = 1000, MOST_RANKS = 16 };

static unsigned char byte_of(int rank, size_t i) {
    return (unsigned char)(rank * 89 + (int)(i * 31) + 1);
}

// What lies behind `all` must stay.
static void expect_gathered(const unsigned char *all, int ranks, size_t bytes) {
    for (int r = 0; r < ranks; r++) {
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(all[(size_t)r * bytes + i], byte_of(r, i));
    }
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(all[(size_t)ranks * bytes + i], 0);
}

static void check(size_t bytes, int most) {
    int rank = -1, ranks = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    unsigned char mine[MOST_BYTES], *all = calloc((size_t)ranks * bytes + 16, 1);
    assert_non_null(all);
    for (size_t i = 0; i < bytes; i++)
        mine[i] = byte_of(rank, i);
    if (most) {
        assert_int_equal(vkn_mpi_gather(MPI_COMM_WORLD, mine, all, bytes, most), 0);
    } else {
        MPI_Comm comm = MPI_COMM_WORLD;
        const vkn_communicator communicator = vkn_mpi_communicator(&comm);
        assert_int_equal(communicator.all_gather(communicator.user, mine, all, bytes), 0);
    }
    expect_gathered(all, ranks, bytes);
    free(all);
}

static void all_ranks_get_the_same(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 16, 255, MOST_BYTES};
    static const int pieces[] = {0, 1, 7, 256, MOST_BYTES - 1, MOST_BYTES, MOST_BYTES + 1};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
            check(sizes[s], pieces[p]);
    }
}

static void places_are_those_of_mpi(void **state) {
    (void)state;
    int mine = -1, size = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &mine);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm comm = MPI_COMM_WORLD;
    const vkn_communicator communicator = vkn_mpi_communicator(&comm);
    uint32_t rank = 99, ranks = 99;
    communicator.place(communicator.user, &rank, &ranks);
    assert_int_equal(rank, mine);
    assert_int_equal(ranks, size);
}

// Stands before MPI's own, by MPI's profiling interface: each call up to the last of `calls_left` succeeds.
static int calls_left = INT_MAX;

int MPI_Allgather(const void *mine, int count, MPI_Datatype type, void *all, int all_count, MPI_Datatype all_type,
                  MPI_Comm comm) {
    return calls_left-- > 0 ? PMPI_Allgather(mine, count, type, all, all_count, all_type, comm) : MPI_ERR_OTHER;
}

static void what_mpi_refuses_is_returned(void **state) {
    (void)state;
    const unsigned char mine[8] = {0};
    unsigned char all[8 * MOST_RANKS];
    calls_left = 2;
    assert_int_equal(vkn_mpi_gather(MPI_COMM_WORLD, mine, all, sizeof mine, 3), MPI_ERR_OTHER);
    assert_int_equal(calls_left, -1);
    calls_left = INT_MAX;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN); // MPI_COMM_NULL has none of its own
    MPI_Comm comm = MPI_COMM_NULL;
    const vkn_communicator communicator = vkn_mpi_communicator(&comm);
    uint32_t rank = 99, ranks = 99;
    communicator.place(communicator.user, &rank, &ranks);
    assert_int_equal(ranks, 0); // which no layer takes
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ranks_get_the_same),
        cmocka_unit_test(places_are_those_of_mpi),
        cmocka_unit_test(what_mpi_refuses_is_returned),
    };
    MPI_Init(&argc, &argv);
    int failed = cmocka_run_group_tests_name("mpi", tests, NULL, NULL);
    MPI_Finalize();
    return failed;
}
