// SPDX-License-Identifier: MIT
// A team: LANES neighbouring invocations that reduce together. Subgroup shuffles reduce CLUSTER lanes, shared memory
// the rest; the order is fixed, so that the result is the same bits each time. Every invocation of the workgroup must
// call team_reduce, with `turn` 0 and 1 in turns: the other turn's values may still be read.
const uint CLUSTERS = WORKGROUP / CLUSTER;
shared vec4 team_values[2u * CLUSTERS];

uint lane_index() { return gl_LocalInvocationIndex % LANES; }
uint team_index() { return workgroup_index() * (WORKGROUP / LANES) + gl_LocalInvocationIndex / LANES; }

vec4 combine(vec4 a, vec4 b); // the reduction's operation: the including shader's

// A few clusters are combined by every lane, after one barrier; many as a tree.
const bool FEW_CLUSTERS = LANES / CLUSTER <= 16u;

vec4 team_reduce(vec4 value, uint turn) {
    uint lane = lane_index();
#ifdef SUBGROUP
    for (uint distance = 1u; distance < CLUSTER; distance *= 2u) {
        vec4 other = subgroupShuffleXor(value, distance);
        bool upper = (lane & distance) != 0u;
        value = combine(upper ? other : value, upper ? value : other);
    }
#endif
    if (LANES > CLUSTER) {
        uint first = turn * CLUSTERS + (gl_LocalInvocationIndex - lane) / CLUSTER;
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
