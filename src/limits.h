// SPDX-License-Identifier: MIT
// What a plan looks at of a device. The numbers are chosen from its kind; each can be replaced, for experiments.
#ifndef VKN_LIMITS_H
#define VKN_LIMITS_H
#include "vulkan.h"

enum { VKN_LANES_MOST = 1024, VKN_BLOCK_MOST = 128, VKN_NUMBER_MOST = 1 << 30 };

// name, least, most, whether it must be a power of two (or zero, where that is the least), what it is
#define VKN_NUMBERS(X)                                                                                                 \
    X(widest, 32, VKN_LANES_MOST, true, "invocations of the widest workgroup")                                         \
    X(sums_widest, 32, VKN_LANES_MOST, true, "the same where sums of each element are kept without an activation")     \
    X(workgroup, 1, VKN_LANES_MOST, true, "invocations of a workgroup with narrower teams")                            \
    X(lanes, 1, VKN_LANES_MOST, true, "most lanes that share a row")                                                   \
    X(team, 0, VKN_LANES_MOST, true, "lanes of each team, whatever its row; 0: as the row is")                         \
    X(block, 1, VKN_BLOCK_MOST, true, "most words of four elements that a lane holds")                                 \
    X(grad_block, 1, VKN_BLOCK_MOST, true, "the same where dx is computed")                                            \
    X(element_blocks, 1, 8, true, "where each element has its own weight, a block is so many of these")                \
    X(stream_block, 1, VKN_BLOCK_MOST, true, "words of a lane, of a row that is read again")                           \
    X(stream_lanes, 1, VKN_LANES_MOST, true, "lanes of a team whose row is one run that is read again")                \
    X(stream_invocations, 0, VKN_NUMBER_MOST, false, "invocations that fill the device with such teams")               \
    X(rows, 1, 128, false, "rows too wide for registers that share each load of a weight")                             \
    X(grad_rows, 1, 128, false, "the same where dx is computed")                                                       \
    X(neighbours, 1, 16, true, "most words of a lane that lie side by side, in a row that is held")                    \
    X(apply, 1, 65536, false, "words that a lane takes where statistics are known")                                    \
    X(apply_block, 1, VKN_BLOCK_MOST, true, "and of these at once")                                                    \
    X(slab, 0, VKN_NUMBER_MOST, false, "most elements that a team reads again from a cache")                           \
    X(slab_teams, 0, VKN_NUMBER_MOST, false, "and so many teams at least")                                             \
    X(across, 0, 1, false, "whether its blocks may go from one run into the next")                                     \
    X(row_invocations, 1, VKN_NUMBER_MOST, false, "invocations that fill the device with teams of several rows")       \
    X(grad_row_invocations, 1, VKN_NUMBER_MOST, false, "the same where workgroups write sums of each element")         \
    X(teams, 1, VKN_NUMBER_MOST, false, "teams that fill the device")                                                  \
    X(invocations, 1, VKN_NUMBER_MOST, false, "single invocations that fill it (columns)")                             \
    X(column_words, 1, 64, true, "most words of a position that an invocation takes")                                  \
    X(column_block, 1, VKN_BLOCK_MOST, true, "words that it sums together")                                            \
    X(least_positions, 1, 65536, false, "fewest positions of a lane that sums them")                                   \
    X(reduce_positions, 2, 65536, false, "and most")                                                                   \
    X(apply_positions, 1, 65536, false, "positions of a lane for which it reads parameters once")                      \
    X(texels, 0, 1, false, "whether x and dy are read as texels, where they have views and there are subgroups")

typedef struct vkn_limits {
#define X(name, least, most, power, text) uint32_t name;
    VKN_NUMBERS(X)
#undef X
    uint32_t subgroup;         // lanes that reduce by shuffles; 1: none
    uint64_t max_workgroups;   // of one dispatch, all axes together
    uint64_t binding_elements; // elements that one binding can see, whatever its alignment
    bool cpu;
    // What pays on a GPU: a second pass from the end of memory, which the first has left in a cache; teams with more
    // lanes than a stretch of memory has words; barriers. Of a CPU only where `team` is given, so that it is tested.
    bool gpu;
    uint32_t vector; // most words of one load: 2 where they are of 16 bits; 0: they are loaded by element
    bool on_chip;    // whether that path may be taken
} vkn_limits;

// What is chosen for the device; and what would be if it were a CPU, or a GPU.
vkn_limits vkn_limits_make(const vkn_device_info *);
vkn_limits vkn_limits_of_kind(const vkn_device_info *, bool cpu);
// What is chosen becomes no wider than `widest`.
void vkn_limits_narrow(vkn_limits *);
// As vkn_context_info.limits says, which may be NULL; `source` names it in messages.
vkn_result vkn_limits_set(vkn_limits *, const vkn_device_info *, const char *source, const char *text);
// The numbers in the form of vkn_context_info.limits.
void vkn_limits_write(const vkn_limits *, char *text, size_t size);

#endif
