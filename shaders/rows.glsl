// SPDX-License-Identifier: MIT
// The rows family: lanes sweep the contiguous run of a unit.
uint words_in(uint count) { return (count + 3u) / 4u; }

// Rows of f32 that are not read in words of 16 bytes: as many elements are between those of a word as the run has words,
// so that neighbouring lanes have neighbouring elements.
const bool APART = WIDE && !VECTOR;

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

// A lane's place in [outers][words], which are numbered through: it goes from word k to the next.
struct Place {
    uint outer, word;
};

Place place_first(uint words) {
    Place at = Place(0u, word_of(0u, 0u, lane_index()));
    words = max(words, 1u);
    for (; at.word >= words; at.word -= words)
        ++at.outer;
    return at;
}

void place_next(inout Place at, uint k, uint words) {
    bool neighbour = (k + 1u) % WORDS != 0u;
    at.outer += neighbour ? 0u : push.next_outer;
    at.word += neighbour ? 1u : push.next_word;
    bool over = at.word >= words;
    at.outer += over ? 1u : 0u;
    at.word -= over ? words : 0u;
}

// Elements of the word there that exist, of `count` in a row.
uint valid_at(Place at, uint outers, uint count) { return at.outer < outers ? valid_in(at.word, count) : 0u; }
