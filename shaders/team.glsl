// SPDX-License-Identifier: MIT
// A team: LANES neighbouring invocations that reduce together. Subgroup shuffles reduce CLUSTER lanes, shared memory
// the rest; the order is fixed, so that the result is the same bits each time. Every invocation of the workgroup must
// call team_reduce.
const uint CLUSTERS = WORKGROUP / CLUSTER;
shared vec4 team_values[CLUSTERS];

uint lane_index() { return gl_LocalInvocationIndex % LANES; }
uint team_index() { return workgroup_index() * (WORKGROUP / LANES) + gl_LocalInvocationIndex / LANES; }

vec4 combine(vec4 a, vec4 b); // the reduction's operation: the including shader's

vec4 team_reduce(vec4 value) {
    uint lane = lane_index();
#ifdef SUBGROUP
    for (uint distance = 1u; distance < CLUSTER; distance *= 2u) {
        vec4 other = subgroupShuffleXor(value, distance);
        bool upper = (lane & distance) != 0u;
        value = combine(upper ? other : value, upper ? value : other);
    }
#endif
    if (LANES > CLUSTER) {
        uint first = (gl_LocalInvocationIndex - lane) / CLUSTER;
        if (lane % CLUSTER == 0u) team_values[first + lane / CLUSTER] = value;
        barrier();
        for (uint distance = LANES / CLUSTER / 2u; distance > 0u; distance /= 2u) {
            if (lane < distance)
                team_values[first + lane] = combine(team_values[first + lane], team_values[first + lane + distance]);
            barrier();
        }
        value = team_values[first];
        barrier();
    }
    return value;
}
