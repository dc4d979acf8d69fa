// SPDX-License-Identifier: MIT
#include "team.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int team_open(struct team *team) {
    int failed = 0;
    for (uint32_t r = 0; r < MAX_RANKS; r++) {
        team->members[r] = (struct member){.team = team, .rank = r};
        failed |= rig_open(&team->members[r].rig, NULL);
    }
    return failed;
}

void team_close(struct team *team) {
    for (uint32_t r = 0; r < MAX_RANKS; r++)
        rig_close(&team->members[r].rig);
}

static void place(void *user, uint32_t *rank, uint32_t *ranks) {
    const struct member *self = user;
    *rank = self->rank;
    *ranks = self->ranks;
}

// Nobody reads before all have written, nor writes again before all have read.
static int all_gather(void *user, const void *mine, void *all, size_t bytes) {
    struct member *self = user;
    struct team *team = self->team;
    self->exchanges++;
    if (bytes > MAX_EXCHANGE_BYTES) return 1;
    memcpy(team->gathered[self->rank], mine, bytes);
    pthread_barrier_wait(&team->barrier);
    for (uint32_t r = 0; r < self->ranks; r++)
        memcpy((unsigned char *)all + r * bytes, team->gathered[r], bytes);
    pthread_barrier_wait(&team->barrier);
    return 0;
}

vkn_communicator team_communicator(struct team *team, uint32_t rank) {
    return (vkn_communicator){place, all_gather, &team->members[rank]};
}

static void *run_member(void *user) {
    struct member *self = user;
    self->result = self->work(self->user);
    snprintf(self->message, sizeof self->message, "%s", vkn_error_message()); // it is the thread's
    return NULL;
}

void team_run(struct team *team, uint32_t ranks, vkn_result (*work)(void *user), void *const *users) {
    pthread_t threads[MAX_RANKS];
    assert_int_equal(pthread_barrier_init(&team->barrier, NULL, ranks), 0);
    for (uint32_t r = 0; r < ranks; r++) {
        struct member *self = &team->members[r];
        self->exchanges = 0;
        self->ranks = ranks;
        self->work = work;
        self->user = users[r];
        assert_int_equal(pthread_create(&threads[r], NULL, run_member, self), 0);
    }
    for (uint32_t r = 0; r < ranks; r++)
        pthread_join(threads[r], NULL);
    pthread_barrier_destroy(&team->barrier);
    for (uint32_t r = 0; r < ranks; r++) {
        const struct member *self = &team->members[r];
        if (self->result) fail_msg("rank %u of %u: %s (%s)", r, ranks, self->message, vkn_result_string(self->result));
    }
}
