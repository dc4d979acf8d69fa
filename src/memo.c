// SPDX-License-Identifier: MIT
#include "memo.h"
#include <stdlib.h>
#include <string.h>

enum { KEY_WORDS = 24 };
_Static_assert(sizeof(vkn_key) == sizeof(vkn_planner) + KEY_WORDS * sizeof(uint32_t), "vkn_key has padding");

struct vkn_remembered {
    vkn_key key;
    vkn_program program; // of what follows
    vkn_pass passes[VKN_MEMO_PASSES];
    VkPipeline pipelines[VKN_MEMO_PASSES];
};

static uint64_t hash_of(const vkn_key *key) {
    uint64_t hash = 14695981039346656037u; // FNV-1a over the words
    for (size_t at = 0; at < sizeof *key; at += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, (const char *)key + at, sizeof word);
        hash = (hash ^ word) * 1099511628211u;
    }
    return hash;
}

const vkn_program *vkn_memo_find(vkn_memo *memo, const vkn_key *key) {
    uint64_t hash = hash_of(key);
    for (uint32_t tried = 0, i = memo->guess; tried < memo->count; ++tried, ++i) {
        if (i >= memo->count) i = 0;
        if (memo->hashes[i] != hash || memcmp(&memo->all[i]->key, key, sizeof *key) != 0) continue;
        memo->guess = i + 1;
        return &memo->all[i]->program;
    }
    return NULL;
}

void vkn_memo_keep(vkn_memo *memo, const vkn_key *key, const vkn_program *program) {
    if (program->count > VKN_MEMO_PASSES) return;
    uint32_t place = memo->count < VKN_MEMO_PROGRAMS ? memo->count : memo->oldest;
    vkn_remembered *kept = memo->all[place];
    if (!kept) kept = malloc(sizeof *kept);
    if (!kept) return;
    kept->key = *key;
    kept->program = *program;
    for (uint32_t i = 0; i < program->count; ++i) {
        kept->passes[i] = program->passes[i];
        kept->pipelines[i] = program->pipelines[i];
    }
    kept->program.passes = kept->passes;
    kept->program.pipelines = kept->pipelines;
    memo->all[place] = kept;
    memo->hashes[place] = hash_of(key);
    memo->guess = place + 1;
    if (memo->count < VKN_MEMO_PROGRAMS)
        ++memo->count;
    else
        memo->oldest = (memo->oldest + 1) % VKN_MEMO_PROGRAMS;
}

void vkn_memo_destroy(vkn_memo *memo) {
    for (uint32_t i = 0; i < memo->count; ++i)
        free(memo->all[i]);
    *memo = (vkn_memo){0};
}
