// SPDX-License-Identifier: MIT
// The rows family: lanes sweep the contiguous run of a unit.
uint words_in(uint count) { return (count + 3u) / 4u; }

// Rows of f32 that are not read in words of 16 bytes: as many elements are between those of a word as the run has words,
// so that neighbouring lanes have neighbouring elements. A texel has four neighbours.
const bool APART = WIDE && !VECTOR && !TEXELS;

// Which part of which unit a team has.
struct Part {
    uint team;
    bool live;  // false: a team beyond the last one, which has no elements
    uint unit, units; // first of them, in the slice
    uint part;
    uint outer_first, outer_count;
    uint run_first, run_count; // elements
    uint first;                // element of the first outer's first element
};

Part part_of(uint unit, uint outer_part, uint run_part) {
    Part p;
    p.team = team_index();
    p.live = p.team < push.teams;
    p.units = p.live ? min(push.unit_step, push.units - unit) : 0u;
    p.unit = push.unit_first + unit;
    p.part = outer_part * push.run_parts + run_part;
    p.outer_first = outer_part * push.outer_step;
    p.run_first = run_part * push.run_step;
    p.outer_count = p.live ? min(push.outer_step, push.outers - p.outer_first) : 0u;
    p.run_count = min(push.run_step, push.run - p.run_first);
    if (APART) apart = words_in(p.run_count);
    p.first = unit * push.unit_stride + p.outer_first * push.outer_stride + p.run_first;
    return p;
}

// Where a team has a part of one unit.
Part part_of_team() {
    uint team = min(team_index(), push.teams - 1u);
    if (has(VKN_BACKWARDS)) team = push.teams - 1u - team;
    // Neighbouring teams have neighbouring memory.
    uint run_part = team % push.run_parts, rest = team / push.run_parts;
    return part_of(rest % push.units, rest / push.units, run_part);
}

// Where it has whole units: without those divisions, of which each is some thirty instructions on a GPU.
Part rows_of_team() {
    return part_of(min(team_index(), push.teams - 1u) * push.unit_step, 0u, 0u);
}

// A team that waits for no other goes over the rows that it has. One that meets others at barriers goes over as many as
// they, of which those beyond its own have no elements; a folded grid's workgroups beyond the last one, over none.
const bool ALONE = LANES <= CLUSTER;
uint row_count(Part p) { return ALONE || (WHOLE && !p.live) ? p.units : push.unit_step; }

// Of those, how many of the ROWS from `done` on.
uint rows_in_set(uint rows, uint done) { return ALONE ? min(rows - min(rows, done), ROWS) : ROWS; }

// The statistics of a unit: its channel's, or its group's.
uint group_of(uint unit) { return has(VKN_STAT_CHANNEL) ? unit % push.period : unit / push.fan; }

// The first element of word `word` in its run.
uint element_of(uint word) { return APART ? word : word * 4u; }

// Elements of word `word` that exist in a run of `count`.
uint valid_in(uint word, uint count) {
    uint first = element_of(word);
    if (!APART) return first < count ? min(count - first, 4u) : 0u;
    uint valid = 0u, end = word < apart ? count : 0u;
    [[unroll]] for (uint i = 0u; i < 4u; ++i)
        valid += uint(first + i * apart < end);
    return valid;
}

// The words that lane `lane` has in the block that starts at `block`: WORDS neighbours, then those LANES * WORDS further
// on, so that the team's loads are coalesced, or on a CPU each lane has a cache line.
uint word_of(uint block, uint k, uint lane) {
    return block + (k / WORDS * LANES + lane) * WORDS + k % WORDS;
}

// A lane's place in [outers][words], which are numbered through.
struct Place {
    uint outer, word;
};

Place place_first(uint words) {
    Place place = Place(0u, word_of(0u, 0u, lane_index()));
    words = max(words, 1u);
    for (; !ONE_OUTER && place.word >= words; place.word -= words)
        ++place.outer;
    return place;
}

void place_advance(inout Place place, uint outers, uint words_further, uint words) {
    place.outer += outers;
    place.word += words_further;
    bool over = place.word >= words;
    place.outer += over ? 1u : 0u;
    place.word -= over ? words : 0u;
}

// The places of a block of a lane's words. The first is `next`, which becomes that of the next block.
Place at[BLOCK];

void place_block(inout Place next, uint words) {
    [[unroll]] for (uint k = 0u; k < BLOCK; ++k) {
        bool neighbour = (k + 1u) % WORDS != 0u;
        at[k] = next;
        if (ONE_OUTER) at[k].word += word_of(0u, k, 0u);
        else place_advance(next, neighbour ? 0u : push.next_outer, neighbour ? 1u : push.next_word, words);
    }
    if (ONE_OUTER) place_advance(next, 0u, BLOCK * LANES, words);
}

// The first element of word k of a row that begins at `first`: in ONE_OUTER a constant beyond that of the block's first
// word, so that there is one address for all of them.
uint element_at(uint first, uint k) {
    uint i = ONE_OUTER ? 0u : k, beyond = ONE_OUTER ? element_of(word_of(0u, k, 0u)) : 0u;
    return first + at[i].outer * push.outer_stride + element_of(at[i].word) + beyond;
}

// Elements of the word that exist, of `count` in a row.
uint valid_at(uint k, uint outers, uint count) { return at[k].outer < outers ? valid_in(at[k].word, count) : 0u; }

Access access_at(uint first, uint outers, uint count, uint k) {
    return Access(element_at(first, k), valid_at(k, outers, count), k);
}

// Word k of the block of words that begins at `block`, of a row of one run.
Access access_in(uint first, uint count, uint block, uint k) {
    uint word = word_of(block, k, lane_index());
    return Access(first + element_of(word), valid_in(word, count), k);
}
