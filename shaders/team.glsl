// SPDX-License-Identifier: MIT
// A team: LANES invocations that reduce together, each STRIDE-th one (not defined: neighbours). Subgroup shuffles reduce
// CLUSTER lanes, shared memory the rest; the order is fixed, so that the result is the same bits each time. Every
// invocation of the workgroup must call team_reduce, with `turn` 0 and 1 in turns: the other turn's values may still be
// read.
#ifndef STRIDE
#define STRIDE 1u
#endif
const uint TEAMS = WORKGROUP / LANES;
const uint CLUSTERS = WORKGROUP / CLUSTER;
shared vec4 team_values[2u * CLUSTERS];

uint lane_index() { return gl_LocalInvocationIndex / STRIDE % LANES; }
uint team_in_workgroup() {
    return gl_LocalInvocationIndex / (STRIDE * LANES) * STRIDE + gl_LocalInvocationIndex % STRIDE;
}
uint team_index() { return workgroup_index() * TEAMS + team_in_workgroup(); }

// The reduction's operation: the including shader's. `first`: mine is of the lower lanes. It gives the same bits if mine
// and other are exchanged, and `first` with them.
vec4 combine(vec4 mine, vec4 other, bool first);

// Each cluster leaves a value. They are combined by shuffles too, where a cluster has a lane for each; else a few by
// every lane, after one barrier, and many as a tree. All are trees, in which both sides are of as many lanes.
const uint CLUSTERS_OF_TEAM = LANES / CLUSTER;
const bool FEW_CLUSTERS = CLUSTERS_OF_TEAM <= 8u;

#ifdef SUBGROUP
// Combines a lane's value with that of the lane `distance` away. A constant distance is cheaper than a loop's variable.
vec4 combine_across(vec4 value, uint distance) {
    vec4 other = subgroupShuffleXor(value, distance * STRIDE);
    return combine(value, other, (lane_index() & distance) == 0u);
}
#define ACROSS(distance, count) if (count > distance) value = combine_across(value, distance);
#define ALL_ACROSS(count)                                                                          \
    ACROSS(1u, count) ACROSS(2u, count) ACROSS(4u, count) ACROSS(8u, count) ACROSS(16u, count)     \
    ACROSS(32u, count) ACROSS(64u, count)
const bool SHUFFLED = CLUSTERS_OF_TEAM <= CLUSTER;
#else
#define ALL_ACROSS(count)
const bool SHUFFLED = false;
#endif

vec4 combine_few(uint first) {
    vec4 of[FEW_CLUSTERS ? CLUSTERS_OF_TEAM : 1u];
    [[unroll]] for (uint i = 0u; i < CLUSTERS_OF_TEAM; ++i) of[i] = team_values[first + i];
    // Plain loops: drivers unroll no others, and choose among the values by branches.
#define COMBINE_PAIRS(reach)                                                                       \
    if (CLUSTERS_OF_TEAM > reach)                                                                  \
        [[unroll]] for (uint i = 0u; i < CLUSTERS_OF_TEAM; i += 2u * reach)                        \
            of[i] = combine(of[i], of[i + reach], true);
    COMBINE_PAIRS(1u)
    COMBINE_PAIRS(2u)
    COMBINE_PAIRS(4u)
    return of[0];
}

vec4 combine_many(uint first) {
    uint lane = lane_index();
    for (uint distance = CLUSTERS_OF_TEAM / 2u; distance > 0u; distance /= 2u) {
        if (lane < distance)
            team_values[first + lane] = combine(team_values[first + lane], team_values[first + lane + distance], true);
        barrier();
    }
    return team_values[first];
}

// One return: of several, constant as their conditions are, drivers see a loop.
vec4 team_reduce(vec4 value, uint turn) {
    uint lane = lane_index();
    ALL_ACROSS(CLUSTER)
    if (LANES > CLUSTER) {
        uint first = turn * CLUSTERS + team_in_workgroup() * CLUSTERS_OF_TEAM;
        if (lane % CLUSTER == 0u) team_values[first + lane / CLUSTER] = value;
        barrier();
        if (SHUFFLED) {
            value = team_values[first + lane % CLUSTERS_OF_TEAM];
            ALL_ACROSS(CLUSTERS_OF_TEAM)
        } else {
            value = FEW_CLUSTERS ? combine_few(first) : combine_many(first);
        }
    }
    return value;
}
