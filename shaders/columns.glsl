// SPDX-License-Identifier: MIT
// The columns family: lanes sweep neighbouring columns, four each, and loop over positions, so that loads stay
// coalesced however short the contiguous run is. Parts interleave their positions for the same reason.
struct Columns {
    bool live;
    uint column, valid; // first of the four columns, and how many of them exist
    uint plane;
    uint unit;          // of the first column, in the slice
    uint part;
    uint count;         // positions of the part: part, part + parts, ...
    uint first, step;   // element of its first position, and from each to the next
};

Columns columns_of_invocation() {
    uint index = workgroup_index() * WORKGROUP + gl_LocalInvocationIndex;
    Columns c;
    c.live = index < push.invocations;
    index = min(index, push.invocations - 1u);
    uint word = index % push.words;
    uint rest = index / push.words;
    c.part = rest % push.parts;
    uint plane = rest / push.parts;
    c.plane = plane;
    c.column = word * 4u;
    c.valid = c.live ? min(push.columns - c.column, 4u) : 0u;
    c.unit = push.unit_first + plane * push.unit_pitch + c.column;
    c.count = c.live ? (push.positions - c.part + push.parts - 1u) / push.parts : 0u;
    c.first = plane * push.plane_stride + c.part * push.position_stride + c.column;
    c.step = push.parts * push.position_stride;
    return c;
}

// The statistics of column k of the four: its channel's, as running ones are, or its group's.
uint group_of(Columns c, uint k) { return has(VKN_STAT_CHANNEL) ? c.column + k : (c.unit + k) / push.fan; }

// Weights of the four columns.
uint affine_first(Columns c) { return c.plane * push.affine_plane + c.column; }
#define COLUMN_AFFINE(name, flag, missing, offset)                                                 \
    vec4 name##_columns(Columns c) {                                                               \
        return has(flag) ? name##_each(affine_first(c), c.valid) + offset : vec4(missing);         \
    }
