// SPDX-License-Identifier: MIT
// The element of an invocation in a grid that nn_dispatch_elements has folded into x and y.
uint element_index() {
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * NN_LANES + gl_LocalInvocationIndex;
}
