// SPDX-License-Identifier: MIT
// The columns family: a lane takes a few words of four columns and sweeps positions in the order of memory. Its words
// are pieces of a cache line; neighbouring teams have neighbouring pieces, and the lanes of a team take the positions of
// its part in turns, so that loads stay coalesced however short the contiguous run is.
#define STRIDE TEAMS
#include "team.glsl"

struct Columns {
    bool live;
    uint stretch, plane;
    uint part, count;    // positions of the lane
    uint position;       // the first of them
    uint first, step;    // the element of column 0 there, and from each position to the next
};

Columns columns_of_lane() {
    uint team = team_index(), rest = team / push.stretches;
    Columns c;
    c.live = team < push.teams;
    if (has(VKN_BACKWARDS)) rest = push.teams / push.stretches - 1u - rest;
    c.stretch = team % push.stretches;
    c.part = rest % push.parts;
    c.plane = rest / push.parts;
    uint begin = c.part * push.positions_each, end = min(begin + push.positions_each, push.positions);
    c.position = begin + lane_index();
    c.count = c.live ? (end - min(c.position, end) + LANES - 1u) / LANES : 0u;
    c.first = c.plane * push.plane_stride + c.position * push.position_stride;
    c.step = LANES * push.position_stride;
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
    uint near = c.stretch % push.neighbours;
    uint piece = (c.stretch - near) * (WORDS / PIECE) + index / PIECE * push.neighbours + near;
    w.column = (piece * PIECE + index % PIECE) * 4u;
    w.valid = !c.live ? 0u : WHOLE ? 4u : min(push.columns - min(w.column, push.columns), 4u);
    w.unit = push.unit_first + c.plane * push.unit_pitch + w.column;
    w.affine = c.plane * push.affine_plane + w.column;
    return w;
}

// What a lane does once for each word w. Of many words it stays a loop, for unrolled it would be most of the code, and
// take drivers seconds to build; of few it is unrolled, so that nothing is kept in memory.
#define ONCE_A_WORD(call)                                                   \
    if (WORDS > 4u) [[dont_unroll]] for (uint w = 0u; w < WORDS; ++w) call; \
    else [[unroll]] for (uint w = 0u; w < WORDS; ++w) call;

Word words[WORDS];

void take_words(Columns c) {
    [[unroll]] for (uint w = 0u; w < WORDS; ++w)
        words[w] = word_of(c, w);
}

// Word w of the lane's k-th position.
Access access_of(Columns c, uint k, uint w) {
    return Access(c.first + k * c.step + words[w].column, words[w].valid, w);
}

// Word n of the block of POSITIONS that begins at position k, of which all words are loaded before one is written: since
// tensors may lie where others do, no driver may do that by itself. What the last block has beyond the last position is
// that one again, with the same values: a branch would let drivers move each load to where it is used.
Access access_ahead(Columns c, uint k, uint n) {
    return access_of(c, min(k + n / WORDS, c.count - 1u), n % WORDS);
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
        vec4 v = vec4(missing);                                                                    \
        if (has(flag)) v = name##_each(w.affine, w.valid);                                         \
        return v + offset;                                                                         \
    }
