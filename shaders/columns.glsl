// SPDX-License-Identifier: MIT
// The columns family: an invocation takes a few words of four columns, over all positions of its part, and sweeps each
// position in the order of memory. Its words are pieces of a cache line; neighbouring invocations have neighbouring
// pieces. `ways` neighbouring parts interleave their positions, so that loads stay coalesced however short the
// contiguous run is.
struct Columns {
    bool live;
    uint stretch, plane;
    uint part, count;    // positions of the part
    uint position;       // the first of them
    uint first, step;    // the element of column 0 there, and from each position to the next
};

Columns columns_of_invocation() {
    uint index = workgroup_index() * WORKGROUP + gl_LocalInvocationIndex;
    uint rest = index / push.stretches;
    Columns c;
    c.live = index < push.invocations;
    if (has(VKN_BACKWARDS)) rest = push.invocations / push.stretches - 1u - rest;
    c.stretch = index % push.stretches;
    c.part = rest % push.parts;
    c.plane = rest / push.parts;
    uint way = c.part % push.ways;
    c.position = (c.part - way) * push.positions_each + way;
    uint left = push.positions - min(c.position, push.positions);
    c.count = c.live ? min((left + push.ways - 1u) / push.ways, push.positions_each) : 0u;
    c.first = c.plane * push.plane_stride + c.position * push.position_stride;
    c.step = push.ways * push.position_stride;
    return c;
}

// Words of a piece.
const uint PIECE = WORDS < 4u ? WORDS : 4u;
// Positions that are summed together: as many as leave a lane BLOCK words.
const uint POSITIONS = BLOCK / WORDS;

// Four columns.
struct Word {
    uint column, valid; // the first, and how many of them exist
    uint unit;          // of the first, in the slice
    uint affine;        // weight of the first
};

Word word_of(Columns c, uint index) {
    Word w;
    uint lane = c.stretch % push.neighbours;
    uint piece = (c.stretch - lane) * (WORDS / PIECE) + index / PIECE * push.neighbours + lane;
    w.column = (piece * PIECE + index % PIECE) * 4u;
    w.valid = !c.live ? 0u : WHOLE ? 4u : min(push.columns - min(w.column, push.columns), 4u);
    w.unit = push.unit_first + c.plane * push.unit_pitch + w.column;
    w.affine = c.plane * push.affine_plane + w.column;
    return w;
}

// The statistics of column k of the four: its channel's, as running ones are, or its group's. Those that do not exist
// have another's.
uint group_of(Word w, uint k) {
    k = min(k, max(w.valid, 1u) - 1u);
    uint column = min(w.column, push.columns - 1u);
    return has(VKN_STAT_CHANNEL) ? column + k : (w.unit - w.column + column + k) / push.fan;
}

// Weights of the four columns.
#define COLUMN_AFFINE(name, flag, missing, offset)                                                 \
    vec4 name##_columns(Word w) {                                                                  \
        return has(flag) ? name##_each(w.affine, w.valid) + offset : vec4(missing);                \
    }
