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

vec4 combine(vec4 a, vec4 b); // the reduction's operation: the including shader's

// A few clusters are combined by every lane, after one barrier; many as a tree.
const bool FEW_CLUSTERS = LANES / CLUSTER <= 16u;

#ifdef SUBGROUP
// Combines a lane's value with that of the lane `distance` away. A constant distance is cheaper than a loop's variable.
vec4 combine_across(vec4 value, uint lane, uint distance) {
    vec4 other = subgroupShuffleXor(value, distance * STRIDE);
    bool upper = (lane & distance) != 0u;
    return combine(upper ? other : value, upper ? value : other);
}
#define ACROSS(distance) if (CLUSTER > distance) value = combine_across(value, lane, distance);
#endif

vec4 team_reduce(vec4 value, uint turn) {
    uint lane = lane_index();
#ifdef SUBGROUP
    ACROSS(1u) ACROSS(2u) ACROSS(4u) ACROSS(8u) ACROSS(16u) ACROSS(32u) ACROSS(64u)
#endif
    if (LANES > CLUSTER) {
        uint first = turn * CLUSTERS + team_in_workgroup() * (LANES / CLUSTER);
        if (lane % CLUSTER == 0u) team_values[first + lane / CLUSTER] = value;
        barrier();
        if (FEW_CLUSTERS) {
            value = team_values[first];
            for (uint i = 1u; i < LANES / CLUSTER; ++i)
                value = combine(value, team_values[first + i]);
        } else {
            for (uint distance = LANES / CLUSTER / 2u; distance > 0u; distance /= 2u) {
                if (lane < distance)
                    team_values[first + lane] = combine(team_values[first + lane], team_values[first + lane + distance]);
                barrier();
            }
            value = team_values[first];
        }
    }
    return value;
}
