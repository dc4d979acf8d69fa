// SPDX-License-Identifier: MIT
// Ranks in threads of this process, each with a device of its own, and a communicator between them.
#ifndef TESTS_TEAM_H
#define TESTS_TEAM_H

#include <pthread.h>

#include "rig.h"

enum { MAX_RANKS = 4, MAX_EXCHANGE_BYTES = 1024 };

struct team;
struct member {
    struct team *team;
    struct rig rig;
    uint32_t rank, ranks;
    int exchanges; // of the last team_run
    vkn_result (*work)(void *user);
    void *user;
    vkn_result result;
    char message[512];
};

struct team {
    struct member members[MAX_RANKS];
    pthread_barrier_t barrier;
    unsigned char gathered[MAX_RANKS][MAX_EXCHANGE_BYTES];
};

int team_open(struct team *); // 0, or -1 with the message printed
void team_close(struct team *);
// For the layer of a rank. It asks how many ranks there are when the layer does: members[rank].ranks.
vkn_communicator team_communicator(struct team *, uint32_t rank);
// Calls `work` with users[rank] in a thread for each of the ranks, at once. Fails the running test where one fails.
void team_run(struct team *, uint32_t ranks, vkn_result (*work)(void *user), void *const *users);

#endif
